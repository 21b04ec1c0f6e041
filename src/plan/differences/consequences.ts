import type { Config, ProviderConfig } from '../../config/schema/index.ts';
import type { Plan } from '../plan.ts';

/** What a new configuration means for people who are there, or for whoever runs the gateway. */
export type Consequence =
  /** Of these people the sessions end: of all, or of some of them. */
  | { kind: 'signed-out'; who: 'all' | 'some'; because: string; provider?: string }
  /** A second session cookie is set beside the one of before, so that people may have to sign in again. */
  | { kind: 'cookie-moved'; because: string }
  /** Sessions cannot be refreshed any more, and end with their access token. */
  | { kind: 'not-refreshed'; because: string; provider: string }
  /** Sessions of before do not have these claims, until people sign in again or the provider tells them anew. */
  | { kind: 'claims-lacking'; claims: string[] }
  /** Open WebSockets end that are idle for longer. */
  | { kind: 'sockets-ended'; because: string }
  /** These redirect URIs have to be registered at the provider. */
  | { kind: 'register'; provider: string; redirectUris: string[] }
  /** Pages of these origins may do with the session of a person what they could not before, or not any more. */
  | { kind: 'origins'; gained: string[]; lost: string[] }
  /** Applications have to fetch the keys of assertions again. */
  | { kind: 'assertion-keys'; because: string };

export function consequencesOf(before: Plan, after: Plan): Consequence[] {
  return [
    ...ofSecrets(before, after),
    ...ofCookies(before, after),
    ...ofStore(before.config, after.config),
    ...ofLifetimes(before.config, after.config),
    ...ofProviders(before.config, after.config),
    ...ofClaims(before, after),
    ...ofSockets(before.config, after.config),
    ...toRegister(before.config, after.config),
    ...ofOrigins(before, after),
    ...ofAssertions(before, after),
  ];
}

const hasPeople = ({ providers }: Config): boolean => Object.keys(providers).length > 0;

function ofSecrets(before: Plan, after: Plan): Consequence[] {
  if (!hasPeople(before.config)) return [];
  const opens = new Set(after.config.session.secret.map((secret) => secret.toString('base64')));
  const [first, ...older] = before.config.session.secret.map((secret) =>
    opens.has(secret.toString('base64')),
  );
  const because = 'session.secret';
  if (first === false) return [{ kind: 'signed-out', who: 'all', because }];
  return older.includes(false) ? [{ kind: 'signed-out', who: 'some', because }] : [];
}

function ofCookies(
  { config: before, cookies: old }: Plan,
  { config: after, cookies: now }: Plan,
): Consequence[] {
  if (!hasPeople(before)) return [];
  if (old.session !== now.session)
    return [{ kind: 'signed-out', who: 'all', because: 'session.cookie.name' }];
  const [from, to] = [before.session.cookie, after.session.cookie];
  return (['domain', 'path', 'partitioned'] as const)
    .filter((key) => from[key] !== to[key])
    .map((key) => ({ kind: 'cookie-moved', because: `session.cookie.${key}` }));
}

function ofStore(before: Config, after: Config): Consequence[] {
  const isSame = placeOf(before) === placeOf(after);
  return isSame || !hasPeople(before) ? [] : [{ kind: 'signed-out', who: 'all', because: 'session.store' }];
}

/** Where sessions are; another login to the same Redis finds them all the same. */
function placeOf({ session: { store, redis } }: Config): string {
  if (store.kind !== 'redis') return store.kind;
  return `${store.url.replace(/\/\/[^@]*@/, '//')} ${redis.keyPrefix}`;
}

function ofLifetimes({ session: from }: Config, { session: to }: Config): Consequence[] {
  const shorter = (['idleTimeout', 'maxLifetime'] as const).filter((key) => to[key] < from[key]);
  const keys = [
    ...shorter,
    ...(from.onTokenExpiry === 'keep' && to.onTokenExpiry === 'login' ? ['onTokenExpiry'] : []),
  ];
  return keys.map((key) => ({ kind: 'signed-out', who: 'some', because: `session.${key}` }));
}

function ofProviders(before: Config, after: Config): Consequence[] {
  return Object.entries(before.providers).flatMap(([provider, from]): Consequence[] => {
    const to = after.providers[provider];
    const because = `providers.${provider}`;
    if (!to) return [{ kind: 'signed-out', who: 'some', because, provider }];
    const keys = (['issuer', 'clientId', 'tokenEndpoint'] as const).filter((key) => from[key] !== to[key]);
    return keys.slice(0, 1).map((key) => ({ kind: 'not-refreshed', because: `${because}.${key}`, provider }));
  });
}

function ofClaims({ config, claims: old }: Plan, { claims: now }: Plan): Consequence[] {
  const claims = [...now.claimPaths].filter((path) => !old.claimPaths.has(path)).sort();
  return claims.length === 0 || !hasPeople(config) ? [] : [{ kind: 'claims-lacking', claims }];
}

function ofSockets({ websocket: from }: Config, { websocket: to }: Config): Consequence[] {
  const isShorter = to.idle !== undefined && (from.idle === undefined || to.idle < from.idle);
  return isShorter ? [{ kind: 'sockets-ended', because: 'websocket.idle' }] : [];
}

function toRegister(before: Config, after: Config): Consequence[] {
  return Object.entries(after.providers).flatMap(([provider, to]): Consequence[] => {
    const from = before.providers[provider];
    const isKnown = from?.issuer === to.issuer && from.clientId === to.clientId;
    const known = isKnown ? redirectUrisOf(before, provider, from) : [];
    const redirectUris = redirectUrisOf(after, provider, to).filter((uri) => !known.includes(uri));
    return redirectUris.length === 0 ? [] : [{ kind: 'register', provider, redirectUris }];
  });
}

function redirectUrisOf(
  { publicUrl, endpoints: { prefix } }: Config,
  name: string,
  { ownCallback }: ProviderConfig,
): string[] {
  return publicUrl.map((origin) => `${origin}${prefix}/callback${ownCallback ? `/${name}` : ''}`);
}

function ofOrigins({ origins: from }: Plan, { origins: to }: Plan): Consequence[] {
  const gained = [...to].filter((origin) => !from.has(origin));
  const lost = [...from].filter((origin) => !to.has(origin));
  return gained.length + lost.length === 0 ? [] : [{ kind: 'origins', gained, lost }];
}

function ofAssertions(before: Plan, after: Plan): Consequence[] {
  if (before.assertions.length === 0 || after.assertions.length === 0) return [];
  if (before.config.publicUrl[0] !== after.config.publicUrl[0])
    return [{ kind: 'assertion-keys', because: 'publicUrl' }];
  const [from, to] = [before, after].map(({ config }) => JSON.stringify(config.session.secret));
  return from === to ? [] : [{ kind: 'assertion-keys', because: 'session.secret' }];
}
