import { createHash } from 'node:crypto';
import type { TokenConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import type { Cookie } from '../../session/cookies.ts';
import { deriveKey, type KeyRing, type Keys } from '../../session/key-ring.ts';
import { openWith, sealWith } from '../../session/seal.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Shared } from '../../session/shared/shared.ts';
import type { Current } from '../../session/standing.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Caller } from '../caller.ts';
import { type Circuit, createCircuit } from '../provider/circuit.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import { exchangeToken, type Obtained, spendRefreshToken, type TokenSource, takeClientToken } from './ask.ts';
import { createTokenCache, type TokenCache } from './cache.ts';
import { type TokenTarget, tokenTarget } from './target.ts';

/** A token for one upstream. */
export interface Supply {
  /** Undefined where nobody asks whose token it could be. */
  token: string | undefined;
  /** The session, where getting the token has changed it. */
  current?: Current;
}

/** Access tokens that upstreams get instead of the session's own. */
export interface UpstreamTokens {
  /**
   * The token of a route's upstream for whoever asks; at once where it is known. Rejects with GatewayError when
   * there is none: the session's own is never sent in its place.
   */
  supply(config: TokenConfig, caller: Caller | undefined, cookies: () => readonly Cookie[]): Maybe<Supply>;
}

export interface UpstreamTokensParts {
  providers: Providers;
  sessions: Pick<Sessions, 'spend'>;
  shared: Pick<Shared, 'once'>;
  ring: KeyRing;
  /** Milliseconds that a request waits for a token. */
  patience: number;
  log: Logger;
}

/** A request with a token that is still good waits this long for a new one. */
const shortPatienceMs = 1000;
/** A refusal is not asked about again for this long. */
const refusalMs = 5000;

/** One token that is wanted. */
interface Want {
  target: TokenTarget;
  provider: Provider;
  cache: TokenCache;
  /** Whose token it is: an access token, or nothing for the gateway's own. */
  subject: string;
  /** The session whose refresh token gets it. */
  current: Current | undefined;
  cookies: () => readonly Cookie[];
}

const nothing: Supply = { token: undefined };

export function createUpstreamTokens(parts: UpstreamTokensParts): UpstreamTokens {
  const { providers, sessions, shared, ring, patience, log } = parts;
  const targets = new Map<TokenConfig, TokenTarget>();
  const caches = new Map<string, TokenCache>();
  const circuits = new Map<string, Circuit>();

  const targetOf = (config: TokenConfig): TokenTarget => {
    const target = targets.get(config) ?? tokenTarget(config);
    targets.set(config, target);
    return target;
  };

  const cacheOf = (target: TokenTarget, provider: string): TokenCache => {
    const key = `${target.id} ${provider}`;
    const cache = caches.get(key) ?? createTokenCache();
    caches.set(key, cache);
    return cache;
  };

  const sourceOf = ({ target, provider, subject, current }: Want): TokenSource => {
    const circuit = circuits.get(provider.name) ?? createCircuit();
    circuits.set(provider.name, circuit);
    // An access token is no name to keep; its digest is.
    const who = current?.session.id ?? createHash('sha256').update(subject).digest('base64url');
    return { target, provider, circuit, who, person: current?.session.subject, log };
  };

  /** The session's provider; that of a client's token, or the one that is named; for the gateway's own, that or the only one. */
  const providerOf = ({ config, way }: TokenTarget, caller: Caller | undefined): Provider | undefined => {
    if (way === 'client credentials') {
      return config.provider === undefined ? providers.all[0] : providers.get(config.provider);
    }
    const { session } = caller?.current ?? {};
    // The token of another issuer is shown to a provider only where the file says so.
    const name = session ? session.provider : (config.provider ?? caller?.person.provider);
    return name === undefined ? undefined : providers.get(name);
  };

  const ask = async (want: Want, changed: (current: Current) => void): Promise<Obtained> => {
    const { target, subject, current, cookies, cache } = want;
    const source = sourceOf(want);
    if (target.way === 'exchange') return exchangeToken(source, subject);
    if (target.way === 'client credentials') return takeClientToken(source);
    if (current?.session.refreshToken === undefined) {
      return { kind: 'refused', code: 'token_refused', reason: 'there is no refresh token' };
    }
    let obtained: Obtained | undefined;
    const next = await sessions.spend(current, cookies(), (session) =>
      spendRefreshToken(source, session, (answer) => {
        obtained = answer;
        // Whether or not anybody still waits for it: it cost a turn of the refresh token.
        cache.put(subject, answer);
      }),
    );
    if (!next)
      throw new GatewayError('not_signed_in', { cause: new Error('the provider ended the session') });
    if (next.session !== current.session) changed(next);
    return obtained ?? { kind: 'unavailable', retryAfter: 1 };
  };

  /** Gets a token once for all processes. */
  const obtain = async (want: Want): Promise<Supply> => {
    const { target, provider, subject, cache } = want;
    let current: Current | undefined;
    const changed = (next: Current) => {
      current = next;
    };
    const name = `token ${createHash('sha256').update(`${target.id}\0${provider.name}\0${subject}`).digest('base64url')}`;
    // Only who holds the token that it was got with can read it; the gateway's own is for every instance.
    const keys: Keys =
      target.way === 'client credentials' ? ring.token : [deriveKey(Buffer.from(subject), 'token')];
    const value = await shared.once(name, async () => {
      const obtained = await ask(want, changed);
      return {
        value: sealWith(keys[0], JSON.stringify(obtained), 'token', name),
        lingerMs: lingerMs(obtained),
      };
    });
    const opened = openWith(keys, value, 'token', name);
    // An instance may have a secret already that this one has not: then each of them asks.
    const obtained = opened ? (JSON.parse(opened.text) as Obtained) : await ask(want, changed);
    if (obtained.kind === 'unavailable') {
      throw new GatewayError('provider_unavailable', { retryAfter: obtained.retryAfter });
    }
    const setCookies = current?.setCookies ?? [];
    if (obtained.kind === 'refused')
      throw new GatewayError(obtained.code, { cause: new Error(obtained.reason), setCookies });
    cache.put(subject, obtained);
    return { token: obtained.token, ...(current && { current }) };
  };

  const inTime = async (work: Promise<Supply>, ms: number): Promise<Supply | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, ms, undefined);
    });
    // The work goes on for those who come later, and who has left must not hear of its failure.
    work.catch(() => {});
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };

  const first = async (want: Want): Promise<Supply> => {
    const supply = await inTime(obtain(want), patience);
    if (supply) return supply;
    throw new GatewayError('provider_unavailable', { retryAfter: 1 });
  };

  /** A new token ahead of the old one's end, which will do until then. */
  const renew = async (want: Want, old: string): Promise<Supply> => {
    try {
      return (await inTime(obtain(want), shortPatienceMs)) ?? { token: old };
    } catch (error) {
      log.debug({ reason: describeError(error) }, 'an upstream token could not be renewed yet');
      return { token: old };
    }
  };

  return {
    supply(config, caller, cookies) {
      const target = targetOf(config);
      const isOwn = target.way === 'client credentials';
      if (!caller && !isOwn) return nothing;
      const current = caller?.current;
      const provider = providerOf(target, caller);
      // Where the session's token is bound to a key, templates do not see it; it is the subject all the same.
      const subject = isOwn ? '' : (current?.session.accessToken ?? caller?.person.accessToken);
      if (!provider || subject === undefined) {
        const cause = new Error('no provider is set up that could give this client a token: token.provider');
        return Promise.reject(new GatewayError('token_unavailable', { cause }));
      }
      const cache = cacheOf(target, provider.name);
      const known = cache.get(subject);
      if (known && !known.isDue) return { token: known.token };
      const want = { target, provider, cache, subject, current, cookies };
      return known ? renew(want, known.token) : first(want);
    },
  };
}

/** Others get a token until it should be renewed, and a refusal for a moment. Milliseconds. */
function lingerMs(obtained: Obtained): number {
  if (obtained.kind === 'token') return Math.max(0, obtained.renewAt * 1000 - Date.now());
  return obtained.kind === 'refused' ? refusalMs : 0;
}
