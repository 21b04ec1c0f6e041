import { GatewayError } from '../errors.ts';
import { type Answer, jsonAnswer } from '../pages/answer.ts';
import type { Sessions } from '../session/sessions.ts';
import { usable } from '../session/standing.ts';
import type { BrowserRequest } from './browser/browser-request.ts';
import { callerOfSession } from './caller.ts';
import type { Providers } from './provider/providers.ts';

export interface UserinfoNeeds {
  sessions: Pick<Sessions, 'current'>;
  providers: Pick<Providers, 'get'>;
}

/** Who is signed in, for a script of a page. Rejects with GatewayError 401 where nobody is. */
export async function userinfo(
  { sessions, providers }: UserinfoNeeds,
  browser: Pick<BrowserRequest, 'cookies'>,
): Promise<Answer> {
  const standing = await sessions.current(browser.cookies);
  const current = usable(standing);
  const caller = current && callerOfSession(providers, current);
  if (!caller) throw new GatewayError('not_signed_in', { setCookies: standing?.setCookies ?? [] });
  const { session, setCookies } = caller.current;
  const { accessTokenExpiresAt, refreshToken } = session;
  const { user, email, name, groups, claims } = caller.person;
  return jsonAnswer(
    200,
    {
      sub: session.subject,
      user,
      email,
      name,
      preferredUsername: claims.preferred_username,
      groups,
      provider: session.provider,
      signedInAt: isoTime(session.createdAt),
      expiresAt: isoTime(session.expiresAt),
      accessTokenExpiresAt: accessTokenExpiresAt === undefined ? undefined : isoTime(accessTokenExpiresAt),
      refreshable: refreshToken !== undefined,
    },
    setCookies,
  );
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
