import { trimmed } from '../../blanks.ts';
import { GatewayError } from '../../errors.ts';

/** A header or a trailer, one character for each byte. */
export type Field = readonly [name: string, value: string];

/** The error of an answer that cannot be repaired. @param what for the log */
export const unreadable = (what: string): GatewayError =>
  new GatewayError('upstream_invalid', { cause: new Error(`the answer cannot be repaired: ${what}`) });

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What says where a message ends, by itself or in some reader's eyes. */
const framing: ReadonlySet<string> = new Set(['contentlength', 'transferencoding']);
const lettersOf = (name: string) => name.toLowerCase().replace(/[^a-z]/g, '');

/** Whether a line, or what would be one to another reader, is about where the message ends. */
function speaksOfFraming(line: string): boolean {
  const colon = line.indexOf(':');
  return colon >= 0 && framing.has(lettersOf(line.slice(0, colon)));
}

/**
 * Reads a line as a field; undefined for a line that says nothing, which is left out as nginx does. Throws
 * GatewayError 502 for one that two readers could understand in two ways.
 */
export function readField(line: string): Field | undefined {
  const colon = line.indexOf(':');
  if (colon < 0) {
    if (/^(content.?length|transfer.?encoding)/i.test(line)) throw unreadable('a length without a colon');
    return undefined;
  }
  const spelt = line.slice(0, colon);
  const name = spelt.replace(/(?<![ \t])[ \t]+$/, '');
  const value = trimmed(line.slice(colon + 1));
  const isFraming = framing.has(lettersOf(name));
  if (!token.test(name)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (isFraming || /^$|[\x00-\x20\x7f]/.test(name)) throw unreadable('the name of a header');
    // No HTTP library sends such a name on, and no reader can ask for it.
    return undefined;
  }
  // RFC 9112 §5.1: a proxy takes these blanks away. Some readers leave out the whole line, so that it frames nothing.
  if (isFraming && spelt !== name) throw unreadable('a blank before the colon of a length or a coding');
  return [name, withoutControls(value, isFraming)];
}

/** RFC 9110 §5.5: what cannot stand in a value becomes a blank. */
function withoutControls(value: string, isFraming: boolean): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const controls = /[\x00-\x08\x0a-\x1f\x7f]/g;
  if (!controls.test(value)) return value;
  if (isFraming || /[\0\r\n]/.test(value)) throw unreadable('a control character');
  return trimmed(value.replace(controls, ' '));
}

/** RFC 9112 §5.2: a line that begins with a blank goes on with the one before. */
export function unfold(lines: readonly string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    if (!/^[ \t]/.test(line)) {
      whole.push(line);
      continue;
    }
    const before = whole.pop();
    if (before === undefined) throw unreadable('a folded line before any header');
    // Who reads line by line sees a length here, or none where there is one.
    if (speaksOfFraming(before) || speaksOfFraming(trimmed(line)))
      throw unreadable('a folded length or coding');
    whole.push(`${before} ${trimmed(line)}`);
  }
  return whole;
}
