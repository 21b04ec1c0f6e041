import type { FastifyRequest } from 'fastify';
import { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import { type Answer, pageAnswer, redirectTo } from '../../pages/answer.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { expireCookies } from '../../session/cookies.ts';
import type { Session } from '../../session/session.ts';
import type { Sessions } from '../../session/sessions.ts';
import { safeReturnTo } from '../login/return-to.ts';
import type { Visit } from '../visit.ts';
import type { ChannelParts } from './channels.ts';
import { endSessionUrlOf } from './end-session.ts';
import { revokeTokens } from './revoke-tokens.ts';

export interface SignOutParts extends ChannelParts {
  /** The path below which the endpoints live. */
  prefix: string;
  sessions: Sessions;
  /** The names and attributes of the gateway's cookies. */
  cookies: GatewayCookies;
  /** Every origin that a return address may be on. */
  returnOrigins: ReadonlySet<string>;
  /** A GET shows a page with a button. */
  requirePost: boolean;
  log: Logger;
}

/**
 * Ends the session here, its tokens, and the sign-in at the provider (OpenID Connect RP-Initiated Logout 1.0
 * §2). Without an endpoint for that, or while the provider is away, the person is told that only this site
 * has been left. `everywhere` ends all sessions of the person.
 */
export async function handleSignOut(
  parts: SignOutParts,
  visit: Visit,
  request: FastifyRequest,
  parameters: URLSearchParams,
): Promise<Answer> {
  const { providers, sessions, returnOrigins, requirePost, log } = parts;
  const isForeign = isCrossSite(request, returnOrigins);
  if (isForeign && request.method === 'POST') throw new GatewayError('cross_site');
  if (isForeign || (requirePost && request.method !== 'POST'))
    return confirmation(parts, parameters, isForeign);

  const everywhere = parameters.has('everywhere');
  const session = await sessions.find(visit.cookies).catch((error: unknown) => {
    notWrittenDown(log, {}, error);
    if (everywhere) throw error;
    return undefined;
  });
  if (session) await endSession(parts, visit, session, everywhere);
  const rd = parameters.get('rd');
  const returnTo = safeReturnTo(rd, visit.origin, returnOrigins);
  const clear = clearAll(parts.cookies, visit);
  const provider = session && providers.get(session.provider);
  const endSessionUrl =
    session && provider?.isReady() ? endSessionUrlOf(provider, session, returnTo, log) : undefined;
  if (endSessionUrl) return redirectTo(endSessionUrl, clear);
  return rd === null ? signedOutPage(parts, session, clear) : redirectTo(returnTo, clear);
}

async function endSession(
  parts: SignOutParts,
  visit: Visit,
  session: Session,
  everywhere: boolean,
): Promise<void> {
  const { providers, sessions, log } = parts;
  const { subject } = session;
  const provider = providers.get(session.provider);
  // Not waited for: what the provider does with it changes nothing here.
  if (provider) void revokeTokens(provider, session, log);
  try {
    await sessions.end(visit.cookies);
    if (everywhere) await sessions.revoke({ kind: 'subject', provider: session.provider, subject });
    log.info({ provider: session.provider, subject, everywhere }, 'logout');
  } catch (error) {
    notWrittenDown(log, { provider: session.provider, subject }, error);
    if (everywhere) throw error;
  }
}

/** The cookie goes all the same; that a copy of it may live on is for the log. Other browsers are not reached. */
function notWrittenDown(log: Logger, whose: { provider?: string; subject?: string }, error: unknown): void {
  log.error({ ...whose, reason: describeError(error) }, 'logout was not written down');
}

function signedOutPage(
  { prefix }: SignOutParts,
  session: Session | undefined,
  clear: readonly string[],
): Answer {
  const page = {
    title: 'You are signed out',
    message: 'Your session on this site has ended.',
    detail: session
      ? 'The sign-in service may still know you: sign out there too on a shared computer.'
      : undefined,
    actions: [{ label: 'Sign in again', href: `${prefix}/start` }],
  };
  return pageAnswer(200, page, clear);
}

/** Set-Cookie values that remove the session, its left-over chunks and logins that are under way. */
function clearAll({ owns, session, attributes, loginAttributes }: GatewayCookies, visit: Visit): string[] {
  const names = visit.cookies.map(({ name }) => name).filter(owns);
  const isSession = (name: string) => name === session || name.startsWith(`${session}.`);
  return [
    ...expireCookies(names.filter(isSession), attributes),
    ...expireCookies(
      names.filter((name) => !isSession(name)),
      loginAttributes,
    ),
  ];
}

/** Another site must not sign people out behind their back; the browser says who asks. */
function isCrossSite({ headers, method }: FastifyRequest, origins: ReadonlySet<string>): boolean {
  if (headers['sec-fetch-site'] !== undefined) return headers['sec-fetch-site'] === 'cross-site';
  return method === 'POST' && headers.origin !== undefined && !origins.has(headers.origin);
}

function confirmation({ prefix }: SignOutParts, parameters: URLSearchParams, isForeign: boolean): Answer {
  const kept = new URLSearchParams(
    [...parameters].filter(([name]) => name === 'rd' || name === 'everywhere'),
  );
  const query = kept.size > 0 ? `?${kept}` : '';
  return pageAnswer(200, {
    title: 'Sign out?',
    message: isForeign ? 'Another site asks to sign you out here.' : 'Do you want to sign out?',
    actions: [
      { label: 'Sign out', href: `${prefix}/sign_out${query}`, post: true },
      { label: 'Stay signed in', href: '/' },
    ],
  });
}
