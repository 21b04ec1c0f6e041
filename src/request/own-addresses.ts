import type { StepUpConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import type { Reader } from '../plan/plan.ts';
import { type Resolution, resolveTarget } from '../routes/resolve.ts';
import { makeTarget } from '../routes/target.ts';

/** What the table says of addresses that come in from outside, as somewhere to go after a login. */

type Places = Pick<Reader, 'table' | 'hosts' | 'prefix'>;

/**
 * What the route of a page asks of a sign-in that leads there. Nothing but an address comes in from outside: what
 * is asked stands in the configuration.
 */
export function createStepUpFinder(places: Places) {
  return (url: string, method = 'GET'): StepUpConfig | undefined => {
    try {
      const resolution = resolveUrl(places, url, method);
      return resolution.kind === 'route' ? resolution.route.stepUp : undefined;
    } catch {
      return undefined;
    }
  };
}

/** Whether an address on one of our origins can be gone back to: the path rules do not refuse it. */
export function createReturnCheck(places: Places) {
  return (url: string): boolean => {
    try {
      resolveUrl(places, url, 'GET');
      return true;
    } catch (error) {
      return !(error instanceof GatewayError && error.status === 400);
    }
  };
}

/** Throws GatewayError as for a request. */
function resolveUrl({ table, hosts, prefix }: Places, url: string, method: string): Resolution {
  const [, host = '', path = ''] = /^https?:\/\/([^/?#]+)([^#]*)/is.exec(url) ?? [];
  const target = makeTarget(path.startsWith('/') ? path : `/${path}`, host);
  hosts.originOf(target);
  return resolveTarget(table, prefix, target, method);
}
