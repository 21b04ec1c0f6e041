import { within } from '../../clock.ts';
import type { TokenConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { Keep } from '../../holdings.ts';
import type { Random } from '../../random.ts';
import type { Cookie } from '../../session/cookies.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Caller } from '../claims/caller.ts';
import { createCircuit } from '../provider/circuit.ts';
import { naturalKey } from '../provider/natural-key.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import { createTokenCache } from './cache.ts';
import { type ObtainNeeds, obtain, type Supply, type TokenRequest } from './obtain.ts';
import { type TokenAudience, tokenAudience } from './target.ts';

/**
 * The token of an upstream for whoever asks; at once where it is known. Rejects with GatewayError when there is none:
 * the session's own is never sent in its place.
 */
export type SupplyToken = (caller: Caller | undefined, cookies: () => readonly Cookie[]) => Maybe<Supply>;

/** Access tokens that upstreams get instead of the session's own. */
export interface UpstreamTokens {
  /**
   * What gives the tokens of these settings. Settings that are alike share their tokens. What outlives a plan is taken
   * here: it is called while a plan is opened, and not by its requests.
   */
  compile(config: TokenConfig): SupplyToken;
}

export interface UpstreamTokensNeeds extends ObtainNeeds {
  providers: Pick<Providers, 'all' | 'get'>;
  random: Random;
  keep: Keep;
}

/** A request with a token that is still good waits this long for a new one. */
const shortPatienceMs = 1000;

const nothing: Supply = { token: undefined };

export function openUpstreamTokens(needs: UpstreamTokensNeeds): UpstreamTokens {
  const compiled = new Map<string, SupplyToken>();
  const compile = (config: TokenConfig): SupplyToken => {
    const settings = JSON.stringify(config);
    const supply = compiled.get(settings) ?? createSupply(needs, tokenAudience(config));
    compiled.set(settings, supply);
    return supply;
  };
  return { compile };
}

function createSupply(needs: UpstreamTokensNeeds, target: TokenAudience): SupplyToken {
  const isOwn = target.way === 'client credentials';
  // What was got stays as long as it is asked for in the same way.
  const states = new Map(
    needs.providers.all.map((provider) => [provider.name, openState(needs, target, provider)]),
  );
  return (caller, cookies) => {
    if (!caller && !isOwn) return nothing;
    const current = caller?.current;
    const provider = providerOf(needs.providers, target, caller);
    const state = provider && states.get(provider.name);
    // Where the session's token is bound to a key, templates do not see it; it is the subject all the same.
    const subject = isOwn ? '' : (current?.session.accessToken ?? caller?.person.accessToken);
    if (!provider || !state || subject === undefined) {
      const cause = new Error('no provider is set up that could give this client a token: token.provider');
      return Promise.reject(new GatewayError('token_unavailable', { cause }));
    }
    const known = state.cache.get(subject);
    if (known && !known.isDue) return { token: known.token };
    const wanted = { target, provider, ...state, subject, current, cookies };
    return known ? renew(needs, wanted, known.token) : first(needs, wanted);
  };
}

function openState({ keep, clock, random }: UpstreamTokensNeeds, target: TokenAudience, { key }: Provider) {
  return {
    cache: keep('upstream tokens', naturalKey(target.id, key), () => createTokenCache(clock)),
    circuit: keep('upstream token circuit', key, () => createCircuit({ clock, random })),
  };
}

/** The session's provider; that of a client's token, or the one that is named; for the gateway's own, that or the only one. */
function providerOf(
  providers: UpstreamTokensNeeds['providers'],
  { config, way }: TokenAudience,
  caller: Caller | undefined,
): Provider | undefined {
  if (way === 'client credentials') {
    return config.provider === undefined ? providers.all[0] : providers.get(config.provider);
  }
  const { session } = caller?.current ?? {};
  // The token of another issuer is shown to a provider only where the file says so.
  const name = session ? session.provider : (config.provider ?? caller?.person.provider);
  return name === undefined ? undefined : providers.get(name);
}

async function first(needs: UpstreamTokensNeeds, wanted: TokenRequest): Promise<Supply> {
  // As long as a call to the slowest of the providers may take.
  const patience = Math.max(0, ...needs.providers.all.map(({ config: { timeout } }) => timeout));
  const supply = await inTime(needs, wanted, patience);
  if (supply) return supply;
  throw new GatewayError('provider_unavailable', { retryAfter: 1 });
}

/** A new token ahead of the old one's end, which will do until then. */
async function renew(needs: UpstreamTokensNeeds, wanted: TokenRequest, old: string): Promise<Supply> {
  try {
    return (await inTime(needs, wanted, shortPatienceMs)) ?? { token: old };
  } catch (error) {
    needs.emit({ kind: 'upstream-token-not-renewed', error });
    return { token: old };
  }
}

/** Undefined where it takes longer: the work goes on for those who come later. */
async function inTime(
  needs: UpstreamTokensNeeds,
  wanted: TokenRequest,
  milliseconds: number,
): Promise<Supply | undefined> {
  const work = obtain(needs, wanted);
  // Who has left must not hear of its failure.
  work.catch(() => {});
  return within(needs.clock, milliseconds, work);
}
