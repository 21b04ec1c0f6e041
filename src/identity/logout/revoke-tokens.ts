import { tokenRevocation } from 'openid-client';
import { describeError, type Logger } from '../../observe/log.ts';
import type { Session } from '../../session/session.ts';
import type { Provider } from '../provider/provider.ts';

/**
 * Tells the provider that the tokens of a session are done with (RFC 7009). It never rejects and nobody waits
 * for it: a provider that is out does not keep anybody signed in here.
 */
export async function revokeTokens(provider: Provider, session: Session, log: Logger): Promise<void> {
  try {
    const client = provider.client();
    if (client.serverMetadata().revocation_endpoint === undefined) return;
    // The refresh token first: with it, providers drop the access tokens that came of it.
    if (session.refreshToken !== undefined) {
      await tokenRevocation(client, session.refreshToken, { token_type_hint: 'refresh_token' });
    }
    await tokenRevocation(client, session.accessToken, { token_type_hint: 'access_token' });
  } catch (error) {
    log.warn({ provider: provider.name, reason: describeError(error) }, 'tokens could not be revoked');
  }
}
