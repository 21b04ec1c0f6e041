/** An address that something listens on, as a configuration writes it. It is apart so that to read one costs little. */
export type ListenAddress = { host: string; port: number } | { path: string };

/** What Linux keeps of the path of a socket (unix(7)); a longer one would be cut without a word. */
const longestSocketPath = 107;

/** The path behind `unix:`; undefined for one that is not absolute or too long. */
export function socketPath(input: string): string | undefined {
  const path = input.slice('unix:'.length);
  return path.startsWith('/') && Buffer.byteLength(path) <= longestSocketPath ? path : undefined;
}

/** Reads `host:port` and `unix:/path`; undefined for anything else. Without a host it is every IPv4 interface. */
export function parseListenAddress(input: string): ListenAddress | undefined {
  if (input.startsWith('unix:')) {
    const path = socketPath(input);
    return path === undefined ? undefined : { path };
  }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):(\d{1,5})$/.exec(input);
  if (match?.[1] === undefined || Number(match[2]) > 65_535) return undefined;
  const host = match[1].replace(/^\[|\]$/g, '');
  return { host: host === '' ? '0.0.0.0' : host, port: Number(match[2]) };
}
