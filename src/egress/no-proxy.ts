import { BlockList, isIP } from 'node:net';

/** Whether an address is one of those that `NO_PROXY` names. */
export type IsExcepted = (url: URL) => boolean;

interface Entry {
  host: string;
  /** Undefined for every port. */
  port: string | undefined;
}

/**
 * Reads `NO_PROXY`: entries between commas or blanks. `*` is everything. A name is itself and all names below it,
 * whether or not it begins with `.` or `*.`. An address is itself, `10.0.0.0/8` a network; names are not looked up for
 * either. A port behind any of them but a network narrows it to that port.
 */
export function compileNoProxy(text: string): IsExcepted {
  const entries = text.toLowerCase().split(/[,\s]+/);
  if (entries.includes('*')) return () => true;
  const networks = new BlockList();
  const named: Entry[] = [];
  for (const entry of entries) {
    if (entry !== '' && !addNetwork(networks, entry)) named.push(readEntry(entry));
  }
  return (url) => {
    const host = hostOf(url.hostname);
    const version = isIP(host);
    if (version !== 0 && networks.check(host, version === 6 ? 'ipv6' : 'ipv4')) return true;
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return named.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) &&
        (host === entry.host || (version === 0 && entry.host !== '' && host.endsWith(`.${entry.host}`))),
    );
  };
}

/** Whether an entry is a network (RFC 4632 §3.1), which is added then. */
function addNetwork(networks: BlockList, entry: string): boolean {
  const [, address = '', length = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(length) > (version === 4 ? 32 : 128)) return false;
  networks.addSubnet(address, Number(length), version === 4 ? 'ipv4' : 'ipv6');
  return true;
}

function readEntry(entry: string): Entry {
  if (isIP(entry) === 6) return { host: hostOf(entry), port: undefined };
  const [, name = entry, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  return { host: hostOf(name.replace(/^\*?\./, '')), port };
}

/**
 * A host in the one form in which it is compared: as URLs have it, without brackets and without the root's dot. URLs have
 * no zones (RFC 6874 was withdrawn from them), so that of an entry with one the address counts.
 */
function hostOf(name: string): string {
  const bare = name.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(bare) !== 6) return bare;
  return new URL(`http://[${bare.replace(/%.*$/, '')}]`).hostname.replace(/^\[|\]$/g, '');
}
