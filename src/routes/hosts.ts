import { GatewayError } from '../errors.ts';
import { text } from '../pages/texts/text.ts';
import type { RouteTable } from './table.ts';
import type { RequestTarget } from './target.ts';

/** The hosts that the gateway answers for. */
export interface Hosts {
  /** The public origin that a request came to. Throws GatewayError 421 for a host that is not ours. */
  originOf(target: RequestTarget): string;
  /** The first of the public origins. */
  standard: string;
}

/**
 * @param publicUrls the origins that browsers see, at least one
 */
export function compileHosts(publicUrls: readonly string[], table: RouteTable): Hosts {
  const byHost = new Map<string, string>();
  const byHostname = new Map<string, string>();
  for (const origin of publicUrls) {
    const { host, hostname } = new URL(origin);
    byHost.set(host, origin);
    if (!byHostname.has(hostname)) byHostname.set(hostname, origin);
  }
  const [standard = ''] = publicUrls;
  return {
    standard,
    originOf(target) {
      // Front proxies often drop or change the port, so the name alone is enough.
      const origin = byHost.get(target.host) ?? byHostname.get(target.hostname);
      if (origin !== undefined) return origin;
      if (table.knowsHost(target.hostname)) return standard;
      throw new GatewayError('unknown_host', {
        detail: text('detail.hosts_listed', { hosts: [...byHost.keys()].join(', ') }),
      });
    },
  };
}
