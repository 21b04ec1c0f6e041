import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { Providers } from '../provider/providers.ts';
import type { LogoutTokens } from './logout-token.ts';

/** What a logout token is taken with. */
export interface BackChannelNeeds {
  sessions: Pick<Sessions, 'revoke'>;
  logoutTokens: LogoutTokens;
  emit: Emit;
}

/** What a frame of a provider's page signs out with. */
export interface FrontChannelNeeds {
  providers: Pick<Providers, 'ofIssuer'>;
  sessions: Pick<Sessions, 'revoke'>;
  emit: Emit;
}

const done: Answer = { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };

/**
 * The provider says, server to server, that a sign-in has ended (OpenID Connect Back-Channel Logout 1.0
 * §2.5). Rejects with GatewayError: 400 for a token that fails a check, 503 when the sign-out could not be
 * written down, so that the provider tries again.
 */
export async function handleBackChannel(
  { sessions, logoutTokens, emit }: BackChannelNeeds,
  browser: Pick<BrowserRequest, 'requestId' | 'client' | 'traceId'>,
  tokens: readonly string[],
): Promise<Answer> {
  const [token, ...others] = tokens;
  if (token === undefined || others.length > 0) throw new GatewayError('logout_token_invalid');
  const target = await logoutTokens.use(token, (named) => sessions.revoke(named));
  const subject = target.kind === 'subject' ? target.subject : undefined;
  const { provider, kind: by } = target;
  emit({ kind: 'back-channel-logout', provider, by, subject, ...askedBy(browser) });
  return done;
}

/**
 * The provider says so through the browser, in a frame of its own page (OpenID Connect Front-Channel Logout
 * 1.0 §2). Cookies don't come along there, so the session is named by `sid`, which nobody can guess.
 */
export async function handleFrontChannel(
  { sessions, providers, emit }: FrontChannelNeeds,
  browser: Pick<BrowserRequest, 'origin' | 'requestId' | 'client' | 'traceId'>,
  query: URLSearchParams,
): Promise<Answer> {
  const [sid, ...otherSids] = query.getAll('sid');
  const [iss, ...otherIssuers] = query.getAll('iss');
  const named = iss === undefined ? [] : providers.ofIssuer(iss);
  if (iss === undefined || named.length === 0 || !sid || otherSids.length > 0 || otherIssuers.length > 0) {
    throw new GatewayError('malformed_request', { detail: text('detail.session_not_named') });
  }
  for (const { name } of named) {
    await sessions.revoke({ kind: 'sid', provider: name, sid }, 'claimed');
    emit({ kind: 'front-channel-logout', provider: name, origin: browser.origin, ...askedBy(browser) });
  }
  const frameAncestors = `frame-ancestors ${new URL(iss).origin}`;
  return {
    ...done,
    headers: { ...done.headers, 'content-security-policy': `default-src 'none'; ${frameAncestors}` },
  };
}
