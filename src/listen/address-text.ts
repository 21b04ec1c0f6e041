import type { ListenAddress } from '../config/schema/index.ts';

/** As a configuration writes it. */
export function listenAddressText(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
