import { GatewayError } from '../errors.ts';
import { text } from '../pages/texts/text.ts';
import { routeOf } from './exchange.ts';
import type { Stage } from './outcome.ts';

/** Nobody knows how long it takes; a crawler or a script comes back soon. In seconds. */
const retryAfter = 60;

/**
 * What goes to an application that is being worked on ends here, for everybody alike: nobody is sent to sign in for it, no
 * token is asked for, and no session refreshed. Throws GatewayError 503.
 */
export const refuseMaintained: Stage = ({ exchange }) => {
  const { maintenance } = routeOf(exchange);
  if (maintenance === false) return undefined;
  const detail = maintenance === true ? {} : { detail: text('detail.maintenance', { words: maintenance }) };
  throw new GatewayError('maintenance', { retryAfter, ...detail });
};
