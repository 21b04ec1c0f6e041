import { SignJWT } from 'jose';
import { type ClientAuth, ClientSecretPost } from 'openid-client';
import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { clientSecretBasic } from './client-secret-basic.ts';
import type { SigningKey } from './private-key.ts';

/** Seconds: it is made anew long before it ends, and a copy of one is not good for long. */
const lifeSeconds = 3600;
const renewedBeforeSeconds = 600;

/**
 * Makes client secrets that are JWTs of the client's own key, as Apple asks for. One is used again until shortly before
 * its end.
 */
export function signedSecretAuth(
  { clientId, issuer, secretFromKey }: Pick<ProviderConfig, 'clientId' | 'issuer' | 'secretFromKey'>,
  method: 'client_secret_basic' | 'client_secret_post',
  { key, kid, alg }: SigningKey,
  { now }: Pick<Clock, 'now'>,
): ClientAuth {
  const { issuer: owner = clientId, audience = issuer } = secretFromKey ?? {};
  let known: { secret: Promise<string>; until: number } | undefined;

  const make = (seconds: number) =>
    new SignJWT({})
      .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
      .setIssuer(owner)
      .setSubject(clientId)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + lifeSeconds)
      .sign(key);

  return async (server, client, body, headers) => {
    const seconds = Math.floor(now() / 1000);
    // A clock that was set back would have one used that is of the future.
    const isGood = known && seconds < known.until && seconds >= known.until - lifeSeconds;
    if (!known || !isGood)
      known = { secret: make(seconds), until: seconds + lifeSeconds - renewedBeforeSeconds };
    const secret = await known.secret;
    const auth = method === 'client_secret_post' ? ClientSecretPost(secret) : clientSecretBasic(secret);
    auth(server, client, body, headers);
  };
}
