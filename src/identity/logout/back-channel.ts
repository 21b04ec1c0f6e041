import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { LogoutTokens } from './logout-token.ts';

/** What a logout token is taken with. */
export interface BackChannelNeeds {
  sessions: Pick<Sessions, 'revoke'>;
  logoutTokens: LogoutTokens;
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
