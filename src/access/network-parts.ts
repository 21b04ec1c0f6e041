import { isIPv4 } from 'node:net';

/**
 * Networks as blocks of one space of addresses, to compare rules. An IPv4 address is the IPv6 one that stands for it
 * (RFC 4291 §2.5.5.2), as lists of Node take it.
 */
interface Block {
  start: bigint;
  /** How many of the 128 bits are given. */
  bits: number;
}

const width = 128;
const mapped = 0xffffn << 32n;

/** Whether a network, such as `10.0.0.0/8`, lies within another. */
export function isWithin(inner: string, outer: string): boolean {
  const [small, large] = [blockOf(inner), blockOf(outer)];
  return small.bits >= large.bits && startOf(small.start, large.bits) === large.start;
}

/** Cuts a network into blocks, of which each lies within each of the others, or outside of it. */
export function splitNetwork(network: string, others: readonly string[]): string[] {
  const whole = blockOf(network);
  const inside = others.filter((other) => other !== network && isWithin(other, network)).map(blockOf);
  if (!inside.some(({ bits }) => bits > whole.bits)) return [network];
  return cut(whole, inside).map(textOf);
}

function cut(block: Block, inside: readonly Block[]): Block[] {
  const deeper = inside.filter(
    ({ start, bits }) => bits > block.bits && startOf(start, block.bits) === block.start,
  );
  if (deeper.length === 0) return [block];
  const bits = block.bits + 1;
  const half = 1n << BigInt(width - bits);
  return [...cut({ start: block.start, bits }, deeper), ...cut({ start: block.start + half, bits }, deeper)];
}

function blockOf(network: string): Block {
  const [address = '', length = ''] = network.split('/');
  const isShort = isIPv4(address);
  const bits = Number(length) + (isShort ? 96 : 0);
  return { start: startOf(isShort ? mapped + fromDotted(address) : fromColons(address), bits), bits };
}

const startOf = (address: bigint, bits: number): bigint => {
  const rest = BigInt(width - bits);
  return (address >> rest) << rest;
};

const fromDotted = (address: string): bigint =>
  address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);

function fromColons(address: string): bigint {
  // In one spelling: groups of hexadecimal digits, of which the longest run of zeros may be left out (RFC 5952).
  const short = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [before = '', after] = short.split('::');
  const head = before.split(':').filter((group) => group !== '');
  const tail = (after ?? '').split(':').filter((group) => group !== '');
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function textOf({ start, bits }: Block): string {
  if (bits >= 96 && start >> 32n === mapped >> 32n) {
    const dotted = [24n, 16n, 8n, 0n].map((shift) => (start >> shift) & 255n).join('.');
    return `${dotted}/${bits - 96}`;
  }
  const groups = Array.from({ length: 8 }, (_, at) => (start >> BigInt(112 - 16 * at)) & 0xffffn);
  const text = groups.map((group) => group.toString(16)).join(':');
  return `${new URL(`http://[${text}]`).hostname.slice(1, -1)}/${bits}`;
}
