import { type Field, readField, unfold, unreadable } from './lines.ts';

/** How the body of an answer ends. */
export type Framing = { kind: 'length'; length: number } | { kind: 'chunked' } | { kind: 'close' };

export interface Head {
  status: number;
  /** As any parser of HTTP/1.1 takes it. */
  text: string;
  framing: Framing;
  /** The server ends lines with a line feed alone. */
  isBare: boolean;
  /** Where another reading can differ, as long as the bytes behind the head do not show that it does not. */
  doubt: Doubt | undefined;
}

/**
 * Who takes only CRLF for the end of a line has not seen the end of this head, or has not seen the length in it, and
 * reads up to the end of the connection.
 */
export type Doubt = 'end' | 'length';

/** One line, without its end. */
interface Line {
  text: string;
  /** It ended with a line feed alone. */
  isBare: boolean;
}

/**
 * Repairs the head of an answer: the one meaning that it has is written down as the standard wants it. Throws
 * GatewayError 502 where there are two.
 * @param bytes the head with its empty line, one character for each byte
 */
export function repairHead(bytes: string): Head {
  const [first, ...rest] = linesOf(bytes);
  const status = /^HTTP\/\d\.\d +(\d{3})(?:[ \t](.*))?$/s.exec(first?.text ?? '');
  if (!first || !status) throw unreadable('the status line');
  const lines = rest.slice(0, -1);
  const fields = fieldsOf(lines);
  const { framing, codings } = framingOf(fields);
  // A server that ends this line with a line feed ends all of them so: nobody reads that in another way.
  const isMixed = !first.isBare && rest.some(({ isBare }) => isBare);
  const doubt = !isMixed ? undefined : bytes.endsWith('\r\n\r\n') ? strictDoubt(lines, framing) : 'end';
  const kept = fields.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name));
  if (framing.kind === 'length') kept.push(['Content-Length', String(framing.length)]);
  if (codings !== '') kept.push(['Transfer-Encoding', codings]);
  // One answer for each connection: nothing that is left over can be taken for the next one.
  kept.push(['Connection', 'close']);
  const head = kept.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const text = `HTTP/1.1 ${status[1]} ${reasonOf(status[2] ?? '')}\r\n${head}\r\n`;
  return { status: Number(status[1]), text, framing, isBare: first.isBare, doubt };
}

/** RFC 9112 §2.2: a line feed ends a line, with or without a carriage return in front of it. */
function linesOf(bytes: string): Line[] {
  return bytes
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const text = line.replace(/\r$/, '');
      if (text.includes('\r')) throw unreadable('a carriage return in a line');
      return { text, isBare: text === line };
    });
}

const fieldsOf = (lines: readonly Line[]): Field[] =>
  unfold(lines.map(({ text }) => text)).flatMap((line) => {
    const field = readField(line);
    return field ? [field] : [];
  });

/**
 * To who takes only CRLF for an end, a line behind a line feed is a part of the value before. Throws GatewayError 502
 * where that is another message.
 */
function strictDoubt(lines: readonly Line[], framing: Framing): Doubt | undefined {
  const seen = lines.filter((_, at) => !lines[at - 1]?.isBare);
  const other = framingOf(fieldsOf(seen)).framing;
  if (other.kind === framing.kind) {
    const isSame = other.kind !== 'length' || framing.kind !== 'length' || other.length === framing.length;
    if (isSame) return undefined;
  }
  if (other.kind !== 'close' || framing.kind !== 'length') throw unreadable('a line feed before a length');
  return 'length';
}

/** Readers ignore the reason (RFC 9112 §4); what parsers refuse in it is left out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const reasonOf = (reason: string): string => reason.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '');

const bare = (name: string, fields: readonly Field[]): string[] =>
  fields.flatMap(([each, value]) => (each.toLowerCase() === name ? [value] : []));

/** RFC 9112 §6.3, where it leaves one meaning. */
function framingOf(fields: readonly Field[]): { framing: Framing; codings: string } {
  const lengths = bare('content-length', fields).flatMap((value) => value.split(/[ \t]*,[ \t]*/));
  const [length] = lengths;
  if (lengths.some((each) => each !== length || !/^\d{1,15}$/.test(each))) throw unreadable('the length');
  const listed = bare('transfer-encoding', fields)
    .flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/))
    .filter((coding) => coding !== '');
  // RFC 2616 §3.6 had a name for no coding at all.
  const codings = listed.filter((coding) => coding !== 'identity');
  if (listed.at(-1) === 'chunked') return { framing: { kind: 'chunked' }, codings: codings.join(', ') };
  if (codings.length > 0) {
    if (length !== undefined) throw unreadable('a length beside a coding other than chunked');
    return { framing: { kind: 'close' }, codings: listed.join(', ') };
  }
  return {
    framing: length === undefined ? { kind: 'close' } : { kind: 'length', length: Number(length) },
    codings: '',
  };
}
