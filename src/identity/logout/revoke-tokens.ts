import type { Emit } from '../../observe/events.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

/**
 * Tells the provider that the tokens of a session are done with (RFC 7009). It never rejects and nobody waits
 * for it: a provider that is out does not keep anybody signed in here.
 */
export async function revokeTokens(provider: Provider, session: Session, emit: Emit): Promise<void> {
  const { refreshToken, accessToken } = session;
  // The refresh token first: with it, providers drop the access tokens that came of it.
  if (refreshToken !== undefined) await revoke(provider, refreshToken, 'refresh_token', emit);
  await revoke(provider, accessToken, 'access_token', emit);
}

async function revoke(
  { client, name }: Provider,
  token: string,
  hint: 'access_token' | 'refresh_token',
  emit: Emit,
): Promise<void> {
  try {
    await client.revoke(token, hint);
  } catch (error) {
    emit({ kind: 'token-not-revoked', provider: name, token: hint, error });
  }
}
