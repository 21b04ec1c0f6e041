import { randomUUID } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import type { HttpAnswer } from '../support/client.ts';
import { createClient } from '../support/client.ts';
import type { TestProvider } from '../support/provider.ts';

export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** A header that a token may call critical and that nobody here understands (RFC 7515 §4.1.11). */
export const unknownExtension = 'urn:example:unknown';

/** What differs from a logout token that is right; undefined takes a claim or a header away. */
export interface Forgery {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** The key that signs: the provider's RS256 key when absent. */
  key?: JWK | Uint8Array;
}

/** A logout token of this provider (OpenID Connect Back-Channel Logout 1.0 §2.4), changed as wanted. */
export async function makeLogoutToken(
  { issuer, clientId, keys }: TestProvider,
  { claims = {}, header = {}, key }: Forgery,
): Promise<string> {
  const [rs256] = keys;
  if (!rs256) throw new Error('the provider has no key');
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: issuer,
    aud: clientId,
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
    events: { [logoutEvent]: {} },
    ...claims,
  };
  const protectedHeader = { alg: 'RS256', typ: 'logout+jwt', kid: rs256.kid, ...header };
  const signer = key instanceof Uint8Array ? key : await importJWK(key ?? rs256, protectedHeader.alg);
  // Undefined members are not written into JSON.
  return new SignJWT(payload)
    .setProtectedHeader(protectedHeader as { alg: string })
    .sign(signer, { crit: { [unknownExtension]: true } });
}

/** Sends a form to the back-channel endpoint, as a provider does: without cookies, on a connection of its own. */
export async function sendLogout(
  gatewayUrl: string,
  form: Record<string, string> | [string, string][],
): Promise<HttpAnswer> {
  const client = createClient();
  try {
    return await client.request(`${gatewayUrl}/oauth2/backchannel-logout`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
  } finally {
    client.close();
  }
}
