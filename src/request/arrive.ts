import { isNavigation } from '../access/navigation.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Logins } from '../identity/endpoints.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Inbound } from '../listen/inbound.ts';
import type { Answer } from '../pages/answer.ts';
import type { Reader } from '../plan/plan.ts';
import { parseCookies } from '../session/cookies.ts';
import { limitUnread } from './limit.ts';
import { takeOriginal } from './original.ts';
import type { Outcome, Stage } from './outcome.ts';

/** What a proxy asks about takes the place of its question. */
export function replaceQuestion(reader: Reader): Stage {
  return ({ exchange, arrival }) => {
    if (arrival.via === 'question') takeOriginal(reader, exchange);
    return undefined;
  };
}

/** Where two readers may disagree on a request, nothing more is read from its connection (RFC 9112 §11.2). */
const ambiguities: ReadonlySet<ErrorCode> = new Set(['ambiguous_host', 'ambiguous_path', 'malformed_target']);

/** What could not be read, or goes nowhere, ends here; it counts for its client as any request does. */
export function refuseUnread(logins: Pick<Logins, 'signedOutArrival'>, limits: RateLimits): Stage {
  return ({ exchange, arrival }) => {
    const { destination, request } = exchange;
    if (!('error' in destination)) return undefined;
    const { error } = destination;
    const code = error instanceof GatewayError ? error.code : undefined;
    if (code === 'no_route' && arrival.via === 'http') {
      const answer = arrivalNowhere(logins, exchange.rawTarget, request);
      if (answer) return { kind: 'answer', reason: 'signed out a moment ago', answer };
    }
    // Whatever is answered: behind what two readers may read in two ways nothing more is read.
    const endsConnection = code !== undefined && ambiguities.has(code);
    try {
      limitUnread(limits, exchange);
    } catch (tooMany) {
      return refusal(tooMany, endsConnection);
    }
    return refusal(error, endsConnection);
  };
}

function refusal(error: unknown, endsConnection: boolean): Outcome {
  return {
    kind: 'refuse',
    reason: error instanceof Error ? error.message : String(error),
    error,
    endsConnection,
  };
}

/** Somebody comes back signed out, and no application is at the start page: nothing is known but that it was asked for. */
function arrivalNowhere(
  logins: Pick<Logins, 'signedOutArrival'>,
  rawTarget: string,
  { method = '', headers }: Pick<Inbound, 'method' | 'headers'>,
): Answer | undefined {
  const isArrival = /^\/(\?|$)/.test(rawTarget) && isNavigation(method, headers);
  return isArrival ? logins.signedOutArrival(parseCookies(headers.cookie)) : undefined;
}
