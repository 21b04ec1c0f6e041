import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import type { Network } from '../config/schema/index.ts';

/** The other end of a connection. */
export interface Peer {
  address: string;
  /** It is one of the configured proxies: what it says in X-Forwarded-* and X-Request-Id is believed. */
  trusted: boolean;
}

export type PeerReader = (request: IncomingMessage) => Peer;

/**
 * @param trustedProxies the networks of proxies that stand in front of the gateway
 */
export function compilePeers(trustedProxies: readonly Network[]): PeerReader {
  const list = new BlockList();
  for (const { address, prefix, family } of trustedProxies) list.addSubnet(address, prefix, family);
  const isTrusted = (address: string) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return ({ socket }) => {
    // An IPv4 peer on a dual-stack socket is written as ::ffff:10.0.0.1.
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    return {
      address: address || 'unix',
      trusted: trustedProxies.length > 0 && address !== '' && isTrusted(address),
    };
  };
}

/** The first value of a forwarding header, where the peer may say such things. */
export function forwardedValue(request: IncomingMessage, peer: Peer, name: string): string | undefined {
  const value = peer.trusted ? request.headers[name] : undefined;
  // Each proxy appends its own view; the one nearest to the browser stands first.
  return typeof value === 'string' ? value.split(',', 1)[0]?.trim() || undefined : undefined;
}
