import { isNavigation, isProbe } from '../access/navigation.ts';
import type { StepUpConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import type { BrowserRequest } from '../identity/browser/browser-request.ts';
import type { Logins } from '../identity/endpoints.ts';
import type { LoginRequest } from '../identity/login/start.ts';
import { readStepUpChallenge } from '../identity/login/step-up.ts';
import { type Answer, withCookies } from '../pages/answer.ts';
import { parseCookies } from '../session/cookies.ts';
import { arrived, type Exchange } from './exchange.ts';
import type { SignIn } from './outcome.ts';

/** The ways from a request to a login, and back to where it was going. */

interface LoginTerms {
  /** The names of the providers that will do; undefined for all. */
  providers: readonly string[] | undefined;
  stepUp: StepUpConfig | undefined;
}

/** The login that leads back to what a request asked for. */
export function loginFor(exchange: Exchange, { providers, stepUp }: LoginTerms): LoginRequest {
  const { origin, target } = arrived(exchange);
  return {
    returnTo: origin + target.path + target.query,
    providers,
    stepUp: stepUp && { ...stepUp, attempt: 1 },
  };
}

/** What the login and the other endpoints have to know of a request. */
export function browserRequestOf(exchange: Exchange): BrowserRequest {
  const { request, method, peer } = exchange;
  const { origin, target, resolution } = arrived(exchange);
  const uri = peer.trusted ? request.headers['x-forwarded-uri'] : undefined;
  return {
    origin,
    path: resolution.kind === 'endpoint' ? resolution.path : target.path,
    cookies: parseCookies(request.headers.cookie),
    requestId: exchange.requestId,
    client: peer.clientAddress,
    traceId: exchange.trace?.id,
    isProbe: isProbe(method, request.headers),
    originalUri: typeof uri === 'string' ? uri : undefined,
  };
}

/** Begins the login that an outcome asks for. Rejects with GatewayError. */
export async function beginLogin(
  logins: Pick<Logins, 'start'>,
  exchange: Exchange,
  { wanted, setCookies }: SignIn,
): Promise<Answer> {
  return withCookies(await logins.start(browserRequestOf(exchange), wanted), setCookies);
}

/** An outcome that leads to a login, for those who can lead nobody there; what was refreshed on the way is kept. */
export function refusalOf({ code, challenge, setCookies }: SignIn): GatewayError {
  return new GatewayError(code, { challenge, setCookies });
}

/**
 * The login that an upstream's 401 asks for, where a browser goes to a page with a session; undefined where the
 * answer goes on as it is. Logins that lead nowhere are counted, so that no upstream sends people in circles.
 * @param rawHeaders of the upstream's answer
 */
export function answerToUpstream(
  logins: Pick<Logins, 'start'>,
  exchange: Exchange,
  session: { sessionId: string | undefined; provider: string | undefined } | undefined,
  rawHeaders: readonly (string | Buffer)[],
): Promise<Answer> | undefined {
  if (session?.sessionId === undefined || session.provider === undefined) return undefined;
  if (!isNavigation(exchange.method, exchange.request.headers)) return undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toString('latin1').toLowerCase() !== 'www-authenticate') continue;
    const stepUp = readStepUpChallenge(rawHeaders[at + 1]?.toString('latin1') ?? '');
    if (!stepUp) continue;
    const wanted = loginFor(exchange, { providers: [session.provider], stepUp });
    return logins.start(browserRequestOf(exchange), { ...wanted, hasSession: true });
  }
  return undefined;
}
