import { isNavigation } from '../access/navigation.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Logins } from '../identity/endpoints.ts';
import type { Inbound } from '../listen/inbound.ts';
import type { Answer } from '../pages/answer.ts';
import type { Reader } from '../plan/plan.ts';
import { parseCookies } from '../session/cookies.ts';
import { takeOriginal } from './original.ts';
import type { Stage } from './outcome.ts';

/** What a proxy asks about takes the place of its question. */
export function replaceQuestion(reader: Reader): Stage {
  return ({ exchange, arrival }) => {
    if (arrival.via === 'question') takeOriginal(reader, exchange);
    return undefined;
  };
}

/** Where two readers may disagree on a request, nothing more is read from its connection (RFC 9112 §11.2). */
const ambiguities: ReadonlySet<ErrorCode> = new Set(['ambiguous_host', 'ambiguous_path', 'malformed_target']);

/** What could not be read, or goes nowhere, ends here. */
export function refuseUnread(logins: Pick<Logins, 'signedOutArrival'>): Stage {
  return ({ exchange, arrival }) => {
    const { destination, request } = exchange;
    if (!('error' in destination)) return undefined;
    const { error } = destination;
    const code = error instanceof GatewayError ? error.code : undefined;
    if (code === 'no_route' && arrival.via === 'http') {
      const answer = arrivalNowhere(logins, exchange.rawTarget, request);
      if (answer) return { kind: 'answer', reason: 'signed out a moment ago', answer };
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'refuse', reason, error, endsConnection: code !== undefined && ambiguities.has(code) };
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
