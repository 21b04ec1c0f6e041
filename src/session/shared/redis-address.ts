/** Where Redis is, as its address says. */
export interface RedisAddress {
  kind: 'single' | 'sentinel' | 'cluster';
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
  nodes: readonly { host: string; port: number }[];
  /** The name of the primary that Sentinel watches. */
  primary: string;
  database: number;
}

const standardPorts = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;
const kinds = { '': 'single', '+sentinel': 'sentinel', '+cluster': 'cluster' } as const;

/** The forms of an address, for messages. */
export const redisAddressForms =
  'redis://host:6379, rediss://…, redis+sentinel://host:26379,host:26379/name or redis+cluster://host:6379,host:6379';

/**
 * Reads `redis://user:password@host:port/database`, the same with `rediss` for TLS, and the forms of several hosts:
 * `redis+sentinel://hosts/name/database` and `redis+cluster://hosts`, which has one database only. Undefined for
 * anything else: what is read here can be connected to.
 */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const match = /^(rediss?)(\+sentinel|\+cluster|):\/\/(?:([^@\s]*)@)?([^@/?#\s]+)(\/[^?#\s]*)?$/.exec(text);
  if (!match) return undefined;
  const [, scheme, suffix = '', login = '', hosts = '', path = ''] = match;
  const kind = kinds[suffix as keyof typeof kinds];
  const nodes = hosts.split(',').flatMap((node) => parseNode(node, standardPorts[kind]) ?? []);
  const isWhole = nodes.length === hosts.split(',').length && (kind !== 'single' || nodes.length === 1);
  const credentials = parseLogin(login);
  const place = parsePath(kind, path.split('/').slice(1));
  if (!isWhole || !credentials || !place) return undefined;
  return { kind, tls: scheme === 'rediss', nodes, ...credentials, ...place };
}

function parseNode(node: string, standardPort: number): { host: string; port: number } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(node);
  if (!match) return undefined;
  const port = Number(match[2] ?? standardPort);
  if (port < 1 || port > 65_535) return undefined;
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port };
}

function parseLogin(login: string): Pick<RedisAddress, 'username' | 'password'> | undefined {
  const [name = '', ...rest] = login.split(':');
  try {
    return {
      username: name === '' ? undefined : decodeURIComponent(name),
      password: rest.length === 0 ? undefined : decodeURIComponent(rest.join(':')) || undefined,
    };
  } catch {
    return undefined;
  }
}

function parsePath(
  kind: RedisAddress['kind'],
  segments: readonly string[],
): Pick<RedisAddress, 'primary' | 'database'> | undefined {
  const [first = '', second = '', ...more] = segments;
  const primary = kind === 'sentinel' ? first || 'mymaster' : '';
  const database = (kind === 'sentinel' ? second : first) || '0';
  const isTooLong = more.length > 0 || (kind !== 'sentinel' && second !== '');
  // A cluster has no databases.
  if (isTooLong || !/^\d{1,5}$/.test(database) || (kind === 'cluster' && database !== '0')) return undefined;
  return { primary, database: Number(database) };
}
