/**
 * The address to go back to after a login or a sign-out, as an absolute URL on one of the allowed origins.
 * Anything else, in whatever spelling, gives the start page of the origin that the request came to.
 * @param rd what the request asked for: a path, or an absolute URL
 * @param origin the public origin of the request
 * @param allowed every origin that a return address may be on
 * @param isReadable whether the path of an address on one of our origins is read in one way; one that is not
 *   would be refused when the browser comes back
 */
export function safeReturnTo(
  rd: string | null | undefined,
  origin: string,
  allowed: ReadonlySet<string>,
  isReadable: (url: string) => boolean = () => true,
): string {
  const home = `${origin}/`;
  const address = onAllowedOrigin(rd, origin, allowed);
  return address !== undefined && isReadable(address) ? address : home;
}

function onAllowedOrigin(
  rd: string | null | undefined,
  origin: string,
  allowed: ReadonlySet<string>,
): string | undefined {
  if (!rd || rd.length > mostCharacters) return undefined;
  // Browsers drop tabs and line breaks and read a backslash as a slash; a parser that does not would be fooled.
  if (/[\\\s]/.test(rd) || hasControlCharacter(rd)) return undefined;
  if (rd.startsWith('/')) return rd.startsWith('//') ? undefined : onOrigin(origin + rd, allowed);
  return /^https?:\/\//i.test(rd) ? onOrigin(rd, allowed) : undefined;
}

const mostCharacters = 8192;

function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) < 0x20 || text.charCodeAt(at) === 0x7f) return true;
  return false;
}

function onOrigin(candidate: string, allowed: ReadonlySet<string>): string | undefined {
  if (!URL.canParse(candidate)) return undefined;
  const url = new URL(candidate);
  const isPlain = url.username === '' && url.password === '';
  if (!isPlain || !allowed.has(url.origin)) return undefined;
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
