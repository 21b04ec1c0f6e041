import { isNavigation } from '../access/navigation.ts';
import type { StepUpConfig } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import { startLogin } from '../identity/login/start.ts';
import { readStepUpChallenge } from '../identity/login/step-up.ts';
import { type Answer, withCookies } from '../pages/answer.ts';
import { type Resolution, resolveTarget } from '../routes/resolve.ts';
import type { Route } from '../routes/table.ts';
import { makeTarget } from '../routes/target.ts';
import { type Admission, refusal, visitOf } from './admission.ts';
import type { Destination, Exchange, ExchangeReader } from './exchange.ts';
import type { Parts } from './parts.ts';

/**
 * What the route of a page asks of a sign-in that leads there. Nothing but an address comes in from outside: what
 * is asked stands in the configuration.
 */
export function createStepUpFinder(reader: ExchangeReader) {
  return (url: string, method = 'GET'): StepUpConfig | undefined => {
    try {
      const resolution = resolveUrl(reader, url, method);
      return resolution.kind === 'route' ? resolution.route.stepUp : undefined;
    } catch {
      return undefined;
    }
  };
}

/** Whether an address on one of our origins can be gone back to: the path rules do not refuse it. */
export function createReturnCheck(reader: ExchangeReader) {
  return (url: string): boolean => {
    try {
      resolveUrl(reader, url, 'GET');
      return true;
    } catch (error) {
      return !(error instanceof GatewayError && error.status === 400);
    }
  };
}

/** Throws GatewayError as for a request. */
function resolveUrl({ table, hosts, prefix }: ExchangeReader, url: string, method: string): Resolution {
  const [, host = '', path = ''] = /^https?:\/\/([^/?#]+)([^#]*)/is.exec(url) ?? [];
  const target = makeTarget(path.startsWith('/') ? path : `/${path}`, host);
  hosts.originOf(target);
  return resolveTarget(table, prefix, target, method);
}

/** The login that a decision for a step-up asks for. Rejects with the challenge where there can be none. */
export async function startStepUp(
  parts: Parts,
  exchange: Exchange,
  destination: Destination,
  { stepUp }: Route,
  admission: Admission,
): Promise<Answer> {
  const { decision, caller } = admission;
  const session = caller?.current?.session;
  const mayRedirect = decision.kind === 'step-up' && decision.redirect;
  if (!mayRedirect || !session || !stepUp) throw refusal(parts, admission);
  const answer = await login(parts, exchange, destination, session.provider, stepUp);
  return withCookies(answer, admission.setCookies);
}

/**
 * The login that an upstream's 401 asks for, where a browser goes to a page with a session; undefined where the
 * answer goes on as it is. Logins that lead nowhere are counted, so that no upstream sends people in circles.
 * @param rawHeaders of the upstream's answer
 */
export function answerToUpstream(
  parts: Parts,
  exchange: Exchange,
  destination: Destination,
  session: { sessionId: string | undefined; provider: string | undefined } | undefined,
  rawHeaders: readonly (string | Buffer)[],
): Promise<Answer> | undefined {
  if (session?.sessionId === undefined || session.provider === undefined) return undefined;
  if (!isNavigation(exchange.method, exchange.request.headers)) return undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toString('latin1').toLowerCase() !== 'www-authenticate') continue;
    const wanted = readStepUpChallenge(rawHeaders[at + 1]?.toString('latin1') ?? '');
    if (wanted) return login(parts, exchange, destination, session.provider, wanted);
  }
  return undefined;
}

function login(
  parts: Parts,
  exchange: Exchange,
  destination: Destination,
  provider: string,
  stepUp: StepUpConfig,
): Promise<Answer> {
  const { origin, target } = destination;
  return startLogin(parts.login, visitOf(exchange, destination), {
    returnTo: origin + target.path + target.query,
    providers: [provider],
    stepUp: { ...stepUp, attempt: 1 },
    hasSession: true,
  });
}
