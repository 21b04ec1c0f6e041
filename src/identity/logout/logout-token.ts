import { randomUUID } from 'node:crypto';
import { decodeJwt, type JWTPayload } from 'jose';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { RevocationTarget } from '../../session/revocation-keys.ts';
import type { Shared } from '../../session/shared/shared.ts';
import { KeysUnavailable } from '../provider/key-set.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';

/** OpenID Connect Back-Channel Logout 1.0 §2.4. */
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const maxTokenAgeSeconds = 120;
const largestTokenBytes = 16 * 1024;
/** Longer than any token can be good: one may be made by a clock that is ahead, and used by one that is behind. */
const rememberedMs = ({ config }: Provider) => maxTokenAgeSeconds * 1000 + 2 * config.clockTolerance;

/** What a logout token names, of the provider that signed it. */
export type LogoutTarget = Extract<RevocationTarget, { provider: string }>;

/** Checks logout tokens, and lets each one count once. */
export interface LogoutTokens {
  /**
   * Does what the token asks for; gives what it names. Rejects with GatewayError: 400 for a token that fails a
   * check or came before, 503 while the keys cannot be had. What `end` rejects with it rejects with too, and the
   * token may come again.
   */
  use(token: string, end: (target: LogoutTarget) => Promise<void>): Promise<LogoutTarget>;
}

/**
 * @param once does a thing once among all processes, as of `Shared`
 */
export function createLogoutTokens(
  providers: Providers,
  once: Shared['once'],
  { now }: Pick<Clock, 'now'>,
): LogoutTokens {
  return {
    async use(token, end) {
      if (token.length > largestTokenBytes) throw refused('it is too large');
      await providers.settled();
      const { provider, payload } = await verifyByIssuer(providers, token, new Date(now()));
      const target = readTarget(provider.name, payload);
      const mine = randomUUID();
      const used = await once(`logout token\0${provider.name}\0${payload.jti}`, async () => {
        await end(target);
        return { value: mine, lingerMs: rememberedMs(provider) };
      });
      if (used !== mine) throw refused('its jti was used before');
      return target;
    },
  };
}

/** The issuer that the token names says only whose keys to try; they say whether it is true. */
async function verifyByIssuer(
  providers: Providers,
  token: string,
  currentDate: Date,
): Promise<{ provider: Provider; payload: JWTPayload }> {
  const candidates = providers.ofIssuer(issuerOf(token));
  let failure: unknown;
  for (const provider of candidates) {
    try {
      return { provider, payload: await verify(provider, token, currentDate) };
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  // Of a provider that was not reached yet the issuer is not known for certain.
  if (!providers.all.every((provider) => provider.isReady()))
    throw new GatewayError('provider_unavailable', { retryAfter: 5 });
  throw refused('the provider is not configured here');
}

function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch (error) {
    throw new GatewayError('logout_token_invalid', { cause: error });
  }
}

async function verify(
  { keys, client, config }: Provider,
  token: string,
  currentDate: Date,
): Promise<JWTPayload> {
  try {
    const { payload, protectedHeader } = await keys.verify(
      token,
      {
        issuer: client.metadata().issuer,
        audience: config.clientId,
        requiredClaims: ['iat', 'jti', 'events'],
        maxTokenAge: maxTokenAgeSeconds,
        clockTolerance: config.clockTolerance / 1000,
        currentDate,
      },
      'logout token',
    );
    requireFresh(payload, currentDate.getTime() / 1000);
    // §2.4 recommends logout+jwt; older providers send JWT or nothing. An ID token has no events.
    const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '');
    if (type !== undefined && type !== 'logout+jwt' && type !== 'jwt') throw refused('its typ is another');
    return payload;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    if (error instanceof KeysUnavailable)
      throw new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
    throw new GatewayError('logout_token_invalid', { cause: error });
  }
}

/** Drafts of the standard had no `exp`, and some providers have none to this day: then the token is good for minutes. */
function requireFresh({ iat = 0, exp }: JWTPayload, now: number): void {
  if (exp === undefined && now - iat > maxTokenAgeSeconds) throw refused('it has no exp, and its iat is old');
}

/** §2.6: the event is there, a nonce is not, and a session or a person is named. */
function readTarget(provider: string, { events, nonce, sid, sub, jti }: JWTPayload): LogoutTarget {
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
