import { isPreflight } from '../access/navigation.ts';
import { type Answer, emptyAnswer } from '../pages/answer.ts';
import type { Exchange } from './exchange.ts';

/** Seconds that a browser may go by the answer to a preflight. */
const preflightLasts = 600;

/** What scripts may read of a refusal beside its body. */
const readable = 'X-Sallyport-Error, WWW-Authenticate, Retry-After';

/**
 * The gateway's own 401 or 403 as the scripts of the origins in `cors` may read it (Fetch standard §3.2). Others get
 * it as it was: their browser keeps it from them.
 */
export function withCors(answer: Answer, exchange: Exchange): Answer {
  if (answer.status !== 401 && answer.status !== 403) return answer;
  const route = routeOf(exchange);
  if (!route?.cors) return answer;
  const headers = { ...answer.headers, vary: 'Origin' };
  const origin = listedOrigin(exchange);
  if (origin === undefined) return { ...answer, headers };
  return {
    ...answer,
    headers: { ...headers, ...allowing(origin), 'access-control-expose-headers': readable },
  };
}

/**
 * The answer to a preflight of an origin in `cors`, which carries no session and would be refused for that; undefined
 * for any other request. It only lets the browser ask: the request itself is decided as any.
 */
export function preflightAnswer(exchange: Exchange): Answer | undefined {
  const { method, request } = exchange;
  if (!isPreflight(method, request.headers)) return undefined;
  const origin = listedOrigin(exchange);
  if (origin === undefined) return undefined;
  const wantedMethod = request.headers['access-control-request-method'] ?? '';
  const wantedHeaders = request.headers['access-control-request-headers'];
  return emptyAnswer(204, {
    ...allowing(origin),
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    ...(fieldNames.test(wantedMethod) && { 'access-control-allow-methods': wantedMethod }),
    ...(wantedHeaders !== undefined &&
      fieldNames.test(wantedHeaders) && { 'access-control-allow-headers': wantedHeaders }),
    'access-control-max-age': String(preflightLasts),
  });
}

/** RFC 9110 §5.6.1 and §5.6.2: tokens with commas between. */
const fieldNames = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;

/** The session cookie comes along only where that is allowed too. */
const allowing = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
});

function routeOf({ destination }: Exchange) {
  if ('error' in destination || destination.resolution.kind !== 'route') return undefined;
  return destination.resolution.route;
}

function listedOrigin(exchange: Exchange): string | undefined {
  const { origin } = exchange.request.headers;
  return origin !== undefined && routeOf(exchange)?.cors?.includes(origin) ? origin : undefined;
}
