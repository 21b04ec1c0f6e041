import type { Config } from '../config/schema/index.ts';
import type { Emit } from '../observe/events.ts';

/** Clients that cannot be counted by an address of their own, in words. */
function exemptClients({ trustedProxies, listen }: Pick<Config, 'trustedProxies' | 'listen'>): string[] {
  const isUnix = listen.some(({ address }) => 'path' in address);
  return [
    ...(trustedProxies.length > 0
      ? ['the trusted proxies themselves', 'clients whose address a trusted proxy does not name']
      : []),
    ...(isUnix && !trustedProxies.some(({ network }) => network === 'unix')
      ? ['whoever comes by the Unix socket, since `unix` is not in trustedProxies']
      : []),
  ];
}

/**
 * Says it of the first configuration in force, and of a later one where it is not the same any more. Of workers, their
 * primary process says it for all.
 */
export function tellExemptClients(emit: Emit, first?: Config): { adopt(config: Config): void } {
  let told: readonly string[] = [];
  const adopt = (config: Config) => {
    const who = exemptClients(config);
    const isChanged = who.join('\n') !== told.join('\n');
    told = who;
    if (isChanged) emit({ kind: 'clients-exempt', who });
  };
  if (first) adopt(first);
  return { adopt };
}
