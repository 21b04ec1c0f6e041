import { compileNetworks } from '../access/networks.ts';
import { trimmed } from '../blanks.ts';
import type { TrustedProxy } from '../config/schema/index.ts';
import { addressOf, forwardedEntries, forwardedForEntries, peerAddress } from './forwarded.ts';
import type { HeaderFields, Inbound } from './inbound.ts';

/** The other end of a connection. */
export interface Peer {
  /** Of a Unix socket `unix`; empty for a connection that has gone. */
  address: string;
  /**
   * The address of the client: of the peer, or what trusted proxies say of the one before them. Undefined where they
   * do not say it as an address: such a client is in no network.
   */
  clientAddress: string | undefined;
  /** It is one of the configured proxies: what it says in X-Forwarded-* and X-Request-Id is believed. */
  trusted: boolean;
  /** The addresses that a trusted proxy says the request came through, as they go on; undefined for none. */
  via: string | undefined;
  /** The names, in lower case, of further headers that this proxy sets itself. */
  vouchesFor: ReadonlySet<string>;
}

export type PeerReader = (request: Pick<Inbound, 'socket' | 'headers'>) => Peer;

const nothing: ReadonlySet<string> = new Set();

const cameByUnix = Symbol('came by a Unix socket');

/** A connection that was reset has no address either, so the listener has to tell which of the two it is. */
export function markUnix(connection: object): void {
  Object.assign(connection, { [cameByUnix]: true });
}

/** @param trustedProxies the proxies that stand in front of the gateway */
export function compilePeers(trustedProxies: readonly TrustedProxy[]): PeerReader {
  const isTrustedAddress = compileNetworks(
    trustedProxies.flatMap(({ network }) => (network === 'unix' ? [] : [network])),
  );
  const vouchesFor = compileVouching(trustedProxies);
  const trustsUnix = trustedProxies.some(({ network }) => network === 'unix');
  return ({ socket, headers }) => {
    const isUnixSocket = cameByUnix in socket;
    const address = isUnixSocket ? 'unix' : peerAddress(socket.remoteAddress);
    const trusted = isUnixSocket ? trustsUnix : trustedProxies.length > 0 && isTrustedAddress(address);
    if (!trusted) {
      const clientAddress = isUnixSocket || address === '' ? undefined : address;
      return { address, clientAddress, trusted, via: undefined, vouchesFor: nothing };
    }
    const vouched = vouchesFor(address);
    const entries = readEntries(headers, vouched);
    const clientAddress = entries && lastUntrusted(entries.written, isTrustedAddress);
    return { address, clientAddress, trusted, via: entries?.text, vouchesFor: vouched };
  };
}

/** What each proxy sets itself, by the entries that it belongs to. */
function compileVouching(trustedProxies: readonly TrustedProxy[]): (address: string) => ReadonlySet<string> {
  const entries = trustedProxies
    .filter(({ headers }) => headers.length > 0)
    .map(({ network, headers }) => ({
      includes: network === 'unix' ? (address: string) => address === 'unix' : compileNetworks([network]),
      names: headers.map((name) => name.toLowerCase()),
    }));
  if (entries.length === 0) return () => nothing;
  return (address) => new Set(entries.flatMap(({ includes, names }) => (includes(address) ? names : [])));
}

interface Entries {
  /** As they were written, the one of the nearest proxy last. */
  written: string[];
  /** The list as it goes on. */
  text: string;
}

/**
 * The addresses that a trusted proxy says the request came through; undefined where it says nothing. Forwarded counts
 * where the proxy is known to set it: most pass on what the client sent under that name. Then X-Forwarded-For may be
 * the client's.
 */
function readEntries(headers: HeaderFields, vouched: ReadonlySet<string>): Entries | undefined {
  if (vouched.has('forwarded')) {
    if (headers.forwarded === undefined) return undefined;
    const written = forwardedEntries(headers.forwarded);
    return { written, text: written.map((entry) => addressOf(entry) ?? 'unknown').join(', ') };
  }
  const text = headers['x-forwarded-for'];
  if (typeof text !== 'string') return undefined;
  return { written: forwardedForEntries(text), text: text === '' ? 'unknown' : text };
}

/**
 * Each proxy appends the address that it saw: from the right, the first that is not a trusted proxy is the client; of a
 * request that came from one of the proxies, the first of all. What stands before an entry that is no address is
 * anybody's word.
 */
function lastUntrusted(
  written: readonly string[],
  isTrusted: (address: string) => boolean,
): string | undefined {
  let address: string | undefined;
  for (let at = written.length - 1; at >= 0; at--) {
    address = addressOf(written[at] ?? '');
    if (address === undefined || !isTrusted(address)) return address;
  }
  return address;
}

/** The first value of a forwarding header, where the peer may say such things. */
export function forwardedValue(
  request: Pick<Inbound, 'headers'>,
  peer: Peer,
  name: string,
): string | undefined {
  const value = peer.trusted ? request.headers[name] : undefined;
  // Each proxy appends its own view; the one nearest to the browser stands first.
  return typeof value === 'string' ? trimmed(value.split(',', 1)[0] ?? '') || undefined : undefined;
}
