import { isNavigation } from '../access/navigation.ts';
import type { Logins } from '../identity/endpoints.ts';
import { parseCookies } from '../session/cookies.ts';
import { preflightAnswer } from './cors.ts';
import { arrived } from './exchange.ts';
import type { Stage } from './outcome.ts';

/**
 * What the gateway answers itself in place of a refusal, a login, or the page that somebody comes back to signed out.
 * Only to the sender itself: a proxy that asks would take it for a yes.
 */
export function answerInPlace(logins: Pick<Logins, 'signedOutArrival'>): Stage {
  return ({ exchange, arrival, caller, decision }) => {
    if (arrival.via !== 'http') return undefined;
    if (decision.kind === 'deny' || decision.kind === 'login') {
      const answer = preflightAnswer(exchange);
      if (answer) return { kind: 'answer', reason: 'a CORS preflight of a listed origin', answer };
    }
    const { method, request } = exchange;
    if (caller || arrived(exchange).target.path !== '/' || !isNavigation(method, request.headers))
      return undefined;
    const answer = logins.signedOutArrival(parseCookies(request.headers.cookie));
    return answer && { kind: 'answer', reason: 'signed out a moment ago', answer };
  };
}
