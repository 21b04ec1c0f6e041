import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Cluster, Redis } from 'ioredis';

export interface RedisSettings {
  url: string;
  /** A PEM file. */
  ca: string | undefined;
  /** Milliseconds for one command. */
  timeout: number;
}

export type RedisClient = Redis | Cluster;

const standardPort = 6379;
const standardSentinelPort = 26_379;
const longestReconnectMs = 500;

const reconnectDelay = (attempt: number) => Math.min(longestReconnectMs, attempt * 50);

/** A server that hangs does not close its side. */
const disconnectTimeout = 100;
/** Commands have a limit of their own; this one ends what the client itself asks while it connects. */
const handshakeGraceMs = 250;

/**
 * Reconnects for ever, soon; no command waits for a connection that is not there. Whether the server can serve is
 * found out by redis-link.ts, which also says what it answers while it cannot.
 */
function commonOptions({ ca, timeout }: RedisSettings, tls: boolean) {
  return {
    connectTimeout: timeout,
    commandTimeout: timeout + handshakeGraceMs,
    disconnectTimeout,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectDelay,
    ...(tls && { tls: ca === undefined ? {} : { ca: [...rootCertificates, readFileSync(ca, 'utf8')] } }),
  };
}

/** Connects by an address: a single server, `redis+sentinel://hosts/name`, or `redis+cluster://hosts`. */
export function connectRedis(settings: RedisSettings): RedisClient {
  const match = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^@/]*)@)?([^/?]+)(?:\/([^?]*))?$/.exec(
    settings.url,
  );
  if (!match) throw new Error('the Redis address is not of a form that is known');
  const [, scheme, kind, login = '', hosts = '', path = ''] = match;
  const tls = scheme === 'rediss';
  const options = { ...commonOptions(settings, tls), ...credentials(login) };
  if (kind === '+cluster') {
    const { retryStrategy, ...redisOptions } = options;
    return new Cluster(nodes(hosts, standardPort), {
      redisOptions,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      retryDelayOnClusterDown: 0,
      clusterRetryStrategy: reconnectDelay,
      ...(tls && { dnsLookup: (address, callback) => callback(null, address) }),
    });
  }
  if (kind === '+sentinel') {
    const [name = 'mymaster', database = '0'] = path.split('/');
    return new Redis({
      ...options,
      sentinels: nodes(hosts, standardSentinelPort),
      name,
      db: Number(database),
      sentinelRetryStrategy: reconnectDelay,
      sentinelCommandTimeout: settings.timeout,
      ...(tls && options.tls && { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
    });
  }
  const [node] = nodes(hosts, standardPort);
  return new Redis({ ...options, ...node, db: path === '' ? 0 : Number(path) });
}

function credentials(login: string): { username?: string; password?: string } {
  if (login === '') return {};
  const colon = login.indexOf(':');
  const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? '' : decodeURIComponent(login.slice(colon + 1));
  return { ...(username !== '' && { username }), ...(password !== '' && { password }) };
}

function nodes(hosts: string, port: number): { host: string; port: number }[] {
  return hosts.split(',').map((node) => {
    const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(node);
    return { host: (match?.[1] ?? node).replace(/^\[|\]$/g, ''), port: Number(match?.[2] ?? port) };
  });
}
