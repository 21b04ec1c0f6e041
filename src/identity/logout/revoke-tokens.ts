import type { Emit } from '../../observe/events.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

/**
 * Tells the provider that the tokens of a session are done with (RFC 7009). It never rejects: a provider that is out
 * does not keep anybody signed in here.
 */
export async function revokeTokens(provider: Provider, session: Session, emit: Emit): Promise<void> {
  const { refreshToken, accessToken, dpopKey } = session;
  const revoke = revoker(provider, dpopKey, emit);
  // RFC 7009 §2.1: with the refresh token, the provider drops the access tokens that came of it.
  if (refreshToken !== undefined && (await revoke(refreshToken, 'refresh_token'))) return;
  await revoke(accessToken, 'access_token');
}

/** Makes the function that revokes one token, and says whether the provider took it. */
function revoker({ client, name }: Provider, key: Session['dpopKey'], emit: Emit) {
  return async (token: string, hint: 'access_token' | 'refresh_token'): Promise<boolean> => {
    try {
      await client.revoke(token, hint, key);
      return true;
    } catch (error) {
      emit({ kind: 'token-not-revoked', provider: name, token: hint, error });
      return false;
    }
  };
}
