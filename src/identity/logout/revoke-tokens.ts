import { describeError, type Logger } from '../../observe/log.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

/**
 * Tells the provider that the tokens of a session are done with (RFC 7009). It never rejects and nobody waits
 * for it: a provider that is out does not keep anybody signed in here.
 */
export async function revokeTokens(provider: Provider, session: Session, log: Logger): Promise<void> {
  const { refreshToken, accessToken } = session;
  // The refresh token first: with it, providers drop the access tokens that came of it.
  if (refreshToken !== undefined) await revoke(provider, refreshToken, 'refresh_token', log);
  await revoke(provider, accessToken, 'access_token', log);
}

async function revoke(
  { client, name }: Provider,
  token: string,
  hint: 'access_token' | 'refresh_token',
  log: Logger,
): Promise<void> {
  try {
    await client.revoke(token, hint);
  } catch (error) {
    log.warn({ provider: name, token: hint, reason: describeError(error) }, 'a token could not be revoked');
  }
}
