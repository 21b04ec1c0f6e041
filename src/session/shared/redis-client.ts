import { createRequire } from 'node:module';
import type { Cluster, Redis } from 'ioredis';
import { withUsualAuthorities } from '../../egress/authorities.ts';
import { parseRedisAddress } from './redis-address.ts';

export interface RedisSettings {
  url: string;
  /** PEM: authorities beside the usual ones. */
  ca: string | undefined;
  /** Milliseconds for one command. */
  timeout: number;
}

export type RedisClient = Redis | Cluster;

/** Loaded by whoever connects to Redis: it is a thirtieth of the time of a start. */
const loadClient = (): typeof import('ioredis') => createRequire(import.meta.url)('ioredis');

const longestReconnectMs = 500;

const reconnectDelay = (attempt: number) => Math.min(longestReconnectMs, attempt * 50);

/** A server that hangs does not close its side. */
const disconnectTimeout = 100;

export interface CommandLimit {
  /** Whether the client itself ends what takes too long. Its timer counts the time that a process was held up, too. */
  limitsCommands: boolean;
}

/**
 * Reconnects for ever, soon; no command waits for a connection that is not there. Whether the server can serve is
 * found out by redis-link.ts, which also says what it answers while it cannot.
 */
function commonOptions({ ca, timeout }: RedisSettings, { limitsCommands }: CommandLimit, tls: boolean) {
  return {
    connectTimeout: timeout,
    ...(limitsCommands && { commandTimeout: timeout }),
    disconnectTimeout,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectDelay,
    ...(tls && { tls: ca === undefined ? {} : { ca: withUsualAuthorities(ca) } }),
  };
}

/** Connects by an address: see redis-address.ts. */
export function connectRedis(
  settings: RedisSettings,
  limit: CommandLimit = { limitsCommands: true },
): RedisClient {
  const address = parseRedisAddress(settings.url);
  if (!address) throw new Error('the Redis address is not of a form that is known');
  const client = loadClient();
  const { kind, tls, nodes, username, password, primary: name, database: db } = address;
  const options = {
    ...commonOptions(settings, limit, tls),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
  if (kind === 'cluster') {
    const { retryStrategy, ...redisOptions } = options;
    return new client.Cluster([...nodes], {
      redisOptions,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      retryDelayOnClusterDown: 0,
      clusterRetryStrategy: reconnectDelay,
      ...(tls && { dnsLookup: (address, callback) => callback(null, address) }),
    });
  }
  if (kind === 'sentinel') {
    return new client.Redis({
      ...options,
      sentinels: [...nodes],
      name,
      db,
      sentinelRetryStrategy: reconnectDelay,
      sentinelCommandTimeout: settings.timeout,
      ...(tls && options.tls && { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
    });
  }
  return new client.Redis({ ...options, ...nodes[0], db });
}
