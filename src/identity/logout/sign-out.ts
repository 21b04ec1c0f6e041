import { buildEndSessionUrl } from 'openid-client';
import { describeError, type Logger } from '../../observe/log.ts';
import { type Answer, pageAnswer, redirectTo } from '../../pages/answer.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

export interface SignOut {
  provider: Provider;
  session: Session | undefined;
  /** Where to go afterwards: an absolute URL that is known to be safe. */
  returnTo: string;
  /** Whether the request named that address itself. */
  returnToGiven: boolean;
  /** Set-Cookie values that remove everything that the gateway keeps in this browser. */
  clearCookies: readonly string[];
  signInUrl: string;
  log: Logger;
}

/**
 * Ends the session here and at the provider (OpenID Connect RP-Initiated Logout 1.0 §2). Without an endpoint
 * for that, or while the provider is away, the person is told that only this site has been left.
 */
export function signOut(options: SignOut): Answer {
  const { provider, session, returnTo, returnToGiven, clearCookies } = options;
  const endSessionUrl = session && provider.isReady() ? endSession(options) : undefined;
  if (endSessionUrl) return redirectTo(endSessionUrl, clearCookies);
  if (returnToGiven) return redirectTo(returnTo, clearCookies);
  const page = {
    title: 'You are signed out',
    message: 'Your session on this site has ended.',
    detail: session
      ? 'The sign-in service may still know you: sign out there too on a shared computer.'
      : undefined,
    actions: [{ label: 'Sign in again', href: options.signInUrl }],
  };
  return pageAnswer(200, page, clearCookies);
}

function endSession({ provider, session, returnTo, log }: SignOut): string | undefined {
  const client = provider.client();
  if (client.serverMetadata().end_session_endpoint === undefined) return undefined;
  try {
    return buildEndSessionUrl(client, {
      ...(session?.idToken !== undefined && { id_token_hint: session.idToken }),
      post_logout_redirect_uri: returnTo,
    }).href;
  } catch (error) {
    log.warn(
      { provider: provider.name, reason: describeError(error) },
      'the logout address could not be built',
    );
    return undefined;
  }
}
