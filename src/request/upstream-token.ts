import { GatewayError } from '../errors.ts';
import type { Supply } from '../identity/upstream-token/obtain.ts';
import type { UpstreamTokens } from '../identity/upstream-token/tokens.ts';
import { partOf } from '../observe/trace.ts';
import type { Route } from '../routes/table.ts';
import { parseCookies } from '../session/cookies.ts';
import { routeOf } from './exchange.ts';
import type { Journey, Stage } from './outcome.ts';

/**
 * Gets the token of the upstream, where the route asks for one and the request is allowed. Rejects with GatewayError
 * 403, 502 or 503 where there is none.
 */
export function supplyToken(tokens: UpstreamTokens, routes: readonly Route[]): Stage {
  const suppliers = routes.map(({ token }) => token && tokens.compile(token));
  return (journey) => {
    const { exchange, caller, decision } = journey;
    const supplyFor = suppliers[routeOf(exchange).index];
    if (supplyFor === undefined || decision.kind !== 'allow') return undefined;
    const supply = partOf(exchange.trace, 'upstream.token', () =>
      supplyFor(caller, () => parseCookies(exchange.request.headers.cookie)),
    );
    if (!(supply instanceof Promise)) return take(journey, supply);
    return supply.then(
      (ready) => take(journey, ready),
      (error: unknown) => {
        throw keepingCookies(error, journey.setCookies);
      },
    );
  };
}

function take(journey: Journey, { token, current }: Supply): undefined {
  journey.token = token;
  if (!current) return;
  if (journey.caller) journey.caller = { ...journey.caller, current };
  journey.setCookies = current.setCookies;
}

/**
 * An error whose answer sets what the session needs. A new one: those who waited for the same token got the same
 * error, and a session is nobody else's.
 */
function keepingCookies(error: unknown, setCookies: readonly string[]): unknown {
  if (!(error instanceof GatewayError) || error.setCookies.length > 0) return error;
  const { code, detail, cause, retryAfter, challenge } = error;
  return new GatewayError(code, {
    ...(detail !== undefined && { detail }),
    ...(retryAfter !== undefined && { retryAfter }),
    cause,
    challenge,
    setCookies,
  });
}
