import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import { GatewayError } from '../../errors.ts';
import type { RevocationTarget } from '../../session/revocations.ts';
import type { Provider } from '../provider/provider.ts';

/** OpenID Connect Back-Channel Logout 1.0 §2.4. */
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const maxTokenAgeSeconds = 120;
const clockToleranceSeconds = 60;
const largestTokenBytes = 16 * 1024;
/** Logout tokens that are remembered, so that none counts twice; more at once is an attack. */
const mostRemembered = 20_000;

/** Checks logout tokens and says which sessions they end. Rejects with GatewayError 400, or 503. */
export interface LogoutTokens {
  check(token: string): Promise<RevocationTarget>;
}

export function createLogoutTokens(provider: Provider, now: () => number = Date.now): LogoutTokens {
  const seen = new Map<string, number>();
  let keys: { uri: string; set: ReturnType<typeof createRemoteJWKSet> } | undefined;

  const keySet = (uri: string) => {
    if (keys?.uri !== uri) {
      const fetchKeys = provider.fetch as unknown as typeof fetch;
      keys = {
        uri,
        set: createRemoteJWKSet(new URL(uri), { timeoutDuration: 5000, [customFetch]: fetchKeys }),
      };
    }
    return keys.set;
  };

  const rememberOnce = (jti: string) => {
    for (const [old, at] of seen) {
      if (at + (maxTokenAgeSeconds + clockToleranceSeconds) * 1000 > now() && seen.size < mostRemembered)
        break;
      seen.delete(old);
    }
    if (seen.has(jti)) throw refused('its jti was used before');
    seen.set(jti, now());
  };

  return {
    async check(token) {
      if (token.length > largestTokenBytes) throw refused('it is too large');
      const {
        issuer,
        jwks_uri: uri,
        id_token_signing_alg_values_supported: algorithms,
      } = provider.client().serverMetadata();
      if (uri === undefined) throw refused('the provider publishes no keys');
      const payload = await verify(token, keySet(uri), {
        issuer,
        audience: provider.config.clientId,
        // A key that both sides share could also sign; none of ours does.
        algorithms: (algorithms ?? ['RS256']).filter((name) =>
          /^(RS|PS|ES)\d{3}$|^Ed(DSA|25519)$/.test(name),
        ),
      });
      const target = readTarget(provider.name, payload);
      rememberOnce(payload.jti as string);
      return target;
    },
  };
}

type KeySet = ReturnType<typeof createRemoteJWKSet>;

async function verify(
  token: string,
  keys: KeySet,
  expected: { issuer: string; audience: string; algorithms: string[] },
): Promise<JWTPayload> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...expected,
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      maxTokenAge: maxTokenAgeSeconds,
      clockTolerance: clockToleranceSeconds,
    });
    // §2.4 recommends logout+jwt; older providers send JWT or nothing. An ID token has no events.
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '');
    if (type !== undefined && type !== 'logout+jwt' && type !== 'jwt') throw refused('its typ is another');
    return payload;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const isOut = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
    if (isOut) throw new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
    throw new GatewayError('logout_token_invalid', { cause: error });
  }
}

/** §2.6: the event is there, a nonce is not, and a session or a person is named. */
function readTarget(provider: string, { events, nonce, sid, sub, jti }: JWTPayload): RevocationTarget {
  if (events === null || typeof events !== 'object' || !Object.hasOwn(events, logoutEvent)) {
    throw refused('it has no logout event');
  }
  const event = (events as Record<string, unknown>)[logoutEvent];
  if (event === null || typeof event !== 'object' || Array.isArray(event))
    throw refused('its event is no object');
  if (nonce !== undefined) throw refused('it has a nonce');
  if (typeof jti !== 'string' || jti === '') throw refused('it has no jti');
  if (typeof sid === 'string' && sid !== '') return { kind: 'sid', provider, sid };
  if (typeof sub === 'string' && sub !== '') return { kind: 'subject', provider, subject: sub };
  throw refused('it names neither a session nor a person');
}

function refused(reason: string): GatewayError {
  return new GatewayError('logout_token_invalid', { cause: new Error(reason) });
}
