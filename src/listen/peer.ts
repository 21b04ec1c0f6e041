import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Network } from '../config/schema/index.ts';

/** The other end of a connection. */
export interface Peer {
  address: string;
  /** The address of the client: of the peer, or what trusted proxies say of the one before them. */
  clientAddress: string;
  /** It is one of the configured proxies: what it says in X-Forwarded-* and X-Request-Id is believed. */
  trusted: boolean;
}

export type PeerReader = (request: IncomingMessage) => Peer;

/**
 * @param trustedProxies the networks of proxies that stand in front of the gateway
 */
export function compilePeers(trustedProxies: readonly Network[]): PeerReader {
  const isTrusted = compileNetworks(trustedProxies);
  return ({ socket, headers }) => {
    const address = plainAddress(socket.remoteAddress ?? '');
    const trusted = trustedProxies.length > 0 && isTrusted(address);
    const clientAddress = trusted ? lastUntrusted(headers['x-forwarded-for'], address, isTrusted) : address;
    return { address: address || 'unix', clientAddress, trusted };
  };
}

/** Each proxy appends the address that it saw: from the right, the first that is no proxy of ours is the client. */
function lastUntrusted(
  forwardedFor: string | string[] | undefined,
  peer: string,
  isTrusted: (address: string) => boolean,
): string {
  const chain = typeof forwardedFor === 'string' ? forwardedFor.split(',').map((hop) => hop.trim()) : [];
  let client = peer;
  while (isTrusted(client)) {
    const before = chain.pop();
    if (before === undefined || isIP(plainAddress(before)) === 0) break;
    client = plainAddress(before);
  }
  return client;
}

/** An IPv4 peer on a dual-stack socket is written as ::ffff:10.0.0.1. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.replace(/^::ffff:(?=\d+\.)/, '') : address;
}

/** Tells whether an address is in one of the networks; what is no address is in none. */
export function compileNetworks(networks: readonly Network[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family);
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/** The first value of a forwarding header, where the peer may say such things. */
export function forwardedValue(request: IncomingMessage, peer: Peer, name: string): string | undefined {
  const value = peer.trusted ? request.headers[name] : undefined;
  // Each proxy appends its own view; the one nearest to the browser stands first.
  return typeof value === 'string' ? value.split(',', 1)[0]?.trim() || undefined : undefined;
}
