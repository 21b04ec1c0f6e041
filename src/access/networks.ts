import { BlockList, isIP } from 'node:net';

export interface Network {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** How a network is written in the configuration. */
export const networkItem = {
  item: 'a network such as 10.0.0.0/8 or an address such as ::1',
  parse: parseNetwork,
};

/** An address with the length of its prefix (RFC 4632 §3.1), or an address alone; undefined for anything else. */
function parseNetwork(text: string): Network | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > bits) return undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Tells whether an address is in one of the networks; what is not an address is in none. */
export function compileNetworks(networks: readonly Network[]): (address: string) => boolean {
  const known = new BlockList();
  for (const { address, prefix, family } of networks) known.addSubnet(address, prefix, family);
  return (address) => {
    const version = isIP(address);
    return version !== 0 && known.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}
