/**
 * Headers that belong to one connection and never travel on (RFC 9110 §7.6.1), with the ones that older
 * software treats so. `expect` is answered by the gateway itself.
 */
export const hopByHopHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);

/** What nearly every message says, on this side or, with the comma of a list, on the other. */
const ordinary: ReadonlySet<string> = new Set(['', 'keep-alive', 'close', ',keep-alive', ',close']);

/** The field names that a Connection header lists, in lower case; undefined when it lists none of interest. */
export function connectionOptions(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || ordinary.has(connection)) return undefined;
  const named = connection
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && option !== 'close' && !hopByHopHeaders.has(option));
  return named.length > 0 ? new Set(named) : undefined;
}
