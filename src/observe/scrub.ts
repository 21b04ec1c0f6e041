import { escapeControls } from './control-characters.ts';

/** Tokens, codes and secrets, in the shapes in which libraries put them into messages. */
const secretShapes: readonly [RegExp, string | ((whole: string, ...groups: string[]) => string)][] = [
  [/eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*/g, '[token]'],
  [/\b(Bearer|Basic|DPoP)(\s+)([^\s"',;]+)/gi, redactCredentials],
  [
    /\b(code|state|nonce|\w*_?token|client_secret|password|id_token_hint|code_verifier|client_assertion|assertion|logout_token)=[^&\s"']+/gi,
    '$1=[redacted]',
  ],
  [/("(?:\w*_?token|client_secret|password|client_assertion|code_verifier)"\s*:\s*")[^"]*/gi, '$1[redacted]'],
];

/** Opaque codes and tokens have no shape but their length, which passes that of a UUID and of every error code. */
const opaque = /[\w-]{40,}/g;
/** A few names of the standards are as long: `token_endpoint_auth_signing_alg_values_supported`. */
const longName = /^[a-z]{1,16}(?:_[a-z]{1,16}){3,}$/;

const redactOpaque = (text: string): string => (longName.test(text) ? text : '[redacted]');

function hideShapes(text: string): string {
  let clean = text;
  for (const [shape, replacement] of secretShapes)
    clean =
      typeof replacement === 'string' ? clean.replace(shape, replacement) : clean.replace(shape, replacement);
  return clean;
}

/** So much of a header is looked at; what is behind it is cut from lines anyway. */
const mostOfHeader = 1024;

/**
 * The value of a request header that somebody wants to see, without what has the shape of a credential, and without the
 * queries and the user names of addresses. What is merely long stays: trace contexts are.
 */
export function withoutCredentials(value: string): string {
  const addresses = value
    .slice(0, mostOfHeader)
    .replace(/\/\/[^\s/@]*@/g, '//')
    .replace(/((?:^|[\s,;=<"'])(?:[a-z][a-z\d+.-]*:)?\/[^\s,?#"'>]*)[?#][^\s,"'>]*/gi, '$1');
  return hideShapes(addresses);
}

/**
 * `DPoP proof` and `Basic authentication` are words, `HTTP` and `JWT` are short ones of capitals; so are the parameters of a
 * challenge (RFC 9110 §11.6.1). Words that are joined are not among them, but for the one of the standard: many a token is
 * made of words.
 */
const plainWord =
  /^[([]?(?:[A-Za-z]?[a-z]{1,15}|[A-Z]{2,5}|proof-of-possession)[.:!?)\]]*$|^[a-z]+(?:_[a-z]+)*=$/;

function redactCredentials(whole: string, scheme: string, blank: string, next: string): string {
  return plainWord.test(next) ? whole : `${scheme}${blank}[redacted]`;
}

/** A text of foreign origin without tokens, line breaks and length. */
export function scrub(text: string): string {
  const clean = escapeControls(hideShapes(text.replace(/\s+/g, ' ')).replace(opaque, redactOpaque));
  return clean.length > longestText ? `${cut(clean)}${cutMark}` : clean;
}

const longestText = 300;
/** Stands where a text was cut. */
export const cutMark = '…';

/** Cut between words: half of a secret would not be recognised as one any more. */
function cut(text: string): string {
  const short = text.slice(0, longestText);
  const blank = text[longestText] === ' ' ? longestText : short.lastIndexOf(' ');
  return blank > 0 ? short.slice(0, blank) : short;
}

/** What a provider's error response says (RFC 6749 §5.2), where an error stands for one. */
function oauthError(failure: Error): string {
  const { error, error_description } = failure as { error?: unknown; error_description?: unknown } & Error;
  const said = [error, error_description].filter((part) => typeof part === 'string');
  return said.length > 0 ? ` (${said.join(': ')})` : '';
}

/** What fetch and openid-client say of an error whose cause says what happened. */
const emptyWords: ReadonlySet<string> = new Set(['fetch failed', 'something went wrong']);

/** One line on an error and its causes: codes and messages, scrubbed; nothing else of the objects. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth++) {
    const next: unknown = current instanceof AggregateError ? current.errors[0] : current.cause;
    const { name, message } = current;
    const kind = (current as NodeJS.ErrnoException).code ?? name;
    // `Error` says nothing of an error that one did not know, and some begin their message with their code.
    const isSaid = kind === 'Error' || message.startsWith(`${kind}: `);
    const said = scrub(`${message}${oauthError(current)}`);
    const isWrapper = next instanceof Error && emptyWords.has(message);
    // Whoever wraps an error may have put its message at the end of their own.
    if (!isWrapper && !lines.some((line) => line.endsWith(said)))
      lines.push(isSaid ? said : scrub(`${kind}: ${said}`));
    current = next;
  }
  return lines.length > 0 ? lines.join(' <- ') : scrub(String(error));
}
