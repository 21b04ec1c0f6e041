import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import type { Random } from '../../random.ts';
import type { Cookie } from '../../session/cookies.ts';
import { deriveKey, type KeyRing, type Keys } from '../../session/key-ring.ts';
import { openWith, sealWith } from '../../session/seal.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Shared } from '../../session/shared/shared.ts';
import type { Current } from '../../session/standing.ts';
import type { Circuit } from '../provider/circuit.ts';
import type { Provider } from '../provider/provider.ts';
import { exchangeToken, type Obtained, spendRefreshToken, type TokenSource, takeClientToken } from './ask.ts';
import type { TokenCache } from './cache.ts';
import type { TokenAudience } from './target.ts';

/** A token for one upstream. */
export interface Supply {
  /** Undefined where nobody asks whose token it could be. */
  token: string | undefined;
  /** The session, where getting the token has changed it. */
  current?: Current;
}

/** One token that is wanted. */
export interface TokenRequest {
  target: TokenAudience;
  provider: Provider;
  cache: TokenCache;
  circuit: Circuit;
  /** Whose token it is: an access token, or nothing for the gateway's own. */
  subject: string;
  /** The session whose refresh token gets it. */
  current: Current | undefined;
  cookies: () => readonly Cookie[];
}

export interface ObtainNeeds {
  sessions: Pick<Sessions, 'spend'>;
  shared: Pick<Shared, 'once'>;
  ring: KeyRing;
  emit: Emit;
  clock: Clock;
  random: Random;
}

/** A refusal is not asked about again for this long. */
const refusalMs = 5000;

/** Gets a token once for all processes. Rejects with GatewayError where there is none. */
export async function obtain(needs: ObtainNeeds, wanted: TokenRequest): Promise<Supply> {
  const { target, provider, subject, cache } = wanted;
  const { ring, shared, clock } = needs;
  let current: Current | undefined;
  const changed = (next: Current) => {
    current = next;
  };
  const name = `token ${digest(`${target.id}\0${askedOf(provider)}\0${subject}`)}`;
  // Only who holds the token that it was got with can read it; the gateway's own is for every instance.
  const keys: Keys =
    target.way === 'client credentials' ? ring.token : [deriveKey(Buffer.from(subject), 'token')];
  const value = await shared.once(name, async () => {
    const answer = await ask(needs, wanted, changed);
    const sealed = sealWith(keys[0], JSON.stringify(answer), 'token', name);
    return { value: sealed, lingerMs: lingerMs(answer, clock.now()) };
  });
  const opened = openWith(keys, value, 'token', name);
  // An instance may have a secret already that this one has not: then each of them asks.
  const answer = opened ? (JSON.parse(opened.text) as Obtained) : await ask(needs, wanted, changed);
  if (answer.kind === 'unavailable') {
    throw new GatewayError('provider_unavailable', { retryAfter: answer.retryAfter });
  }
  const setCookies = current?.setCookies ?? [];
  if (answer.kind === 'refused')
    throw new GatewayError(answer.code, { cause: new Error(answer.reason), setCookies });
  cache.put(subject, answer);
  return { token: answer.token, ...(current && { current }) };
}

/**
 * Who gives it, and to which client: the same text in every instance, each of which may have connections and a
 * certificate of its own.
 */
function askedOf({ name, config: { issuer, clientId, tokenEndpoint = '' } }: Provider): string {
  return [name, issuer, clientId, tokenEndpoint].join('\0');
}

async function ask(
  needs: ObtainNeeds,
  wanted: TokenRequest,
  changed: (current: Current) => void,
): Promise<Obtained> {
  const { target, subject, current, cookies, cache } = wanted;
  const source = sourceOf(needs, wanted);
  if (target.way === 'exchange') return exchangeToken(source, subject);
  if (target.way === 'client credentials') return takeClientToken(source);
  if (current?.session.refreshToken === undefined) {
    return { kind: 'refused', code: 'token_refused', reason: 'there is no refresh token' };
  }
  let obtained: Obtained | undefined;
  const next = await needs.sessions.spend(current, cookies(), (session) =>
    spendRefreshToken(source, session, (answer) => {
      obtained = answer;
      // Whether or not anybody still waits for it: it cost a turn of the refresh token.
      cache.put(subject, answer);
    }),
  );
  if (!next) throw new GatewayError('not_signed_in', { cause: new Error('the provider ended the session') });
  if (next.session !== current.session) changed(next);
  return obtained ?? { kind: 'unavailable', retryAfter: 1 };
}

function sourceOf({ emit, clock, random }: ObtainNeeds, wanted: TokenRequest): TokenSource {
  const { target, provider, circuit, subject, current } = wanted;
  // An access token is no name to keep; its digest is.
  const who = current?.session.id ?? digest(subject);
  return { target, provider, circuit, who, person: current?.session.subject, emit, clock, random };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Others get a token until it should be renewed, and a refusal for a moment. Milliseconds. */
function lingerMs(obtained: Obtained, now: number): number {
  if (obtained.kind === 'token') return Math.max(0, obtained.renewAt * 1000 - now);
  return obtained.kind === 'refused' ? refusalMs : 0;
}
