/**
 * The address to go back to after a login or a sign-out, as an absolute URL on one of the allowed origins.
 * Anything else, in whatever spelling, gives the start page of the origin that the request came to.
 * @param rd what the request asked for: a path, or an absolute URL
 * @param origin the public origin of the request
 * @param allowed every origin that a return address may be on
 */
export function safeReturnTo(
  rd: string | null | undefined,
  origin: string,
  allowed: ReadonlySet<string>,
): string {
  const home = `${origin}/`;
  if (!rd || rd.length > mostCharacters) return home;
  // Browsers drop tabs and line breaks and read a backslash as a slash; a parser that does not would be fooled.
  if (/[\\\s]/.test(rd) || hasControlCharacter(rd)) return home;
  if (rd.startsWith('/')) return rd.startsWith('//') ? home : onOrigin(origin + rd, allowed, home);
  return /^https?:\/\//i.test(rd) ? onOrigin(rd, allowed, home) : home;
}

const mostCharacters = 8192;

function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) < 0x20 || text.charCodeAt(at) === 0x7f) return true;
  return false;
}

function onOrigin(candidate: string, allowed: ReadonlySet<string>, home: string): string {
  if (!URL.canParse(candidate)) return home;
  const url = new URL(candidate);
  const isPlain = url.username === '' && url.password === '';
  if (!isPlain || !allowed.has(url.origin)) return home;
  // Byte for byte, unless no Location could hold it (RFC 3986 §2).
  return /^[\x21-\x7e]*$/.test(candidate) ? candidate : url.href;
}

/** Whether an address that was found safe once is so still: origins may have been taken off the configuration. */
export function staysOn(returnTo: string, allowed: ReadonlySet<string>): boolean {
  return /^https?:\/\//i.test(returnTo) && URL.canParse(returnTo) && allowed.has(new URL(returnTo).origin);
}

/** An address of at most so many bytes: itself, or without its query, or the start page of its origin. */
export function shortened(returnTo: string, mostBytes: number): string {
  const fits = (address: string) => Buffer.byteLength(JSON.stringify(address)) - 2 <= mostBytes;
  if (fits(returnTo)) return returnTo;
  const withoutQuery = returnTo.replace(/[?#].*$/s, '');
  return fits(withoutQuery) ? withoutQuery : `${new URL(returnTo).origin}/`;
}
