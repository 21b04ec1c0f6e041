import { tokenNames } from '../forward/template-values.ts';
import { isLoopback } from '../identity/provider/loopback.ts';
import { bearerProblems } from './bearer-consistency.ts';
import { asList, asMap, asTexts, type Inconsistency, isOn, type Loose } from './loose.ts';
import type { ConfigPath } from './problems.ts';
import { findProviderProblems } from './provider-consistency.ts';
import { findKindProblems } from './provider-kind.ts';
import { sessionSecretForm } from './schema/session.ts';
import { nearest } from './suggest.ts';
import { stepUpProblems, tokenProblems } from './token-problems.ts';
import { trustedProxyProblems } from './trusted-proxy-problems.ts';

/**
 * What no single key can tell: keys that need, exclude or contradict each other. It reads the document
 * before its values are known to be valid, so that these problems are reported together with all others.
 */
export function findInconsistencies(document: unknown): Inconsistency[] {
  const config = asMap(document);
  return [
    ...upstreamProblems(config),
    ...publicUrlProblems(config),
    ...providersProblems(config),
    ...bearerProblems(config),
    ...cookieProblems(config),
    ...storeProblems(asMap(config.session)),
    ...secretProblems(config),
    ...trustedProxyProblems(config),
    ...tokenProblems(config),
    ...stepUpProblems(config),
  ];
}

function upstreamProblems(config: Loose): Inconsistency[] {
  const found: Inconsistency[] = [];
  const routes = asList(config.routes).map(asMap);
  if (config.upstream === undefined && routes.length === 0) {
    found.push({
      path: ['upstream'],
      message: 'this key is required: the application, such as http://legacy:8080 (or give `routes`).',
    });
  }
  const prefix = asTexts(asMap(config.endpoints).prefix)[0] ?? '/oauth2';
  const seen = new Map<string, string>();
  if (config.upstream !== undefined) seen.set('* /', 'the top-level `upstream`');
  for (const [index, route] of routes.entries()) {
    const host = typeof route.host === 'string' ? route.host.toLowerCase() : '*';
    found.push(
      ...routeProblems(route).map(({ key, message }) => ({ path: ['routes', index, key], message })),
    );
    const path = typeof route.path === 'string' ? route.path.replace(/(.)\/$/, '$1') : '/';
    if (path === prefix || path.startsWith(`${prefix}/`)) {
      const message = `the gateway answers everything below ${prefix} itself (endpoints.prefix), so this would have no effect.`;
      found.push({ path: ['routes', index, 'path'], message });
    }
    const methods = asTexts(route.methods).map((method) => method.toUpperCase());
    const keys = (methods.length > 0 ? methods : ['']).map((method) => `${host} ${path} ${method}`.trimEnd());
    const first = keys.map((key) => seen.get(key)).find((other) => other !== undefined);
    if (first)
      found.push({ path: ['routes', index], message: `matches the very same requests as ${first}.` });
    for (const key of keys) if (!seen.has(key)) seen.set(key, `routes[${index}]`);
  }
  return found;
}

function routeProblems(route: Loose): { key: string; message: string }[] {
  const found: { key: string; message: string }[] = [];
  const tls = asMap(route.tls);
  if (route.rewrite !== undefined && (route.stripPrefix === true || route.stripPrefix === 'true')) {
    found.push({ key: 'rewrite', message: '`stripPrefix` is `rewrite: /`: give one of the two.' });
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    found.push({ key: 'tls', message: 'a client certificate needs both `cert` and `key`.' });
  }
  if (route.tls !== undefined && !asTexts(route.upstream).some((url) => /^https:/i.test(url))) {
    found.push({ key: 'tls', message: 'the upstream is not https, so this would have no effect.' });
  }
  if (isOn(route.sharedCache) && isOn(route.noStore)) {
    found.push({ key: 'noStore', message: 'nothing is kept then, so `sharedCache` would have no effect.' });
  }
  const names = Object.keys(asMap(route.headers)).map((name) => name.toLowerCase());
  if (route.basicAuth !== undefined && names.includes('authorization')) {
    found.push({ key: 'basicAuth', message: '`headers` sets Authorization too: give one of the two.' });
  }
  for (const [name, template] of Object.entries(asMap(route.responseHeaders))) {
    if (typeof template === 'string' && namesToken.test(template)) {
      found.push({ key: 'responseHeaders', message: `${name} would give a token to the browser.` });
    }
  }
  return found;
}

/** Tokens are for the application alone. */
const namesToken = new RegExp(`\\{\\s*(${tokenNames.join('|')})\\b`);

function publicUrlProblems(config: Loose): Inconsistency[] {
  const schemes = new Set(
    asTexts(config.publicUrl)
      .filter((url) => URL.canParse(url))
      .map((url) => new URL(url).protocol),
  );
  if (schemes.size < 2) return [];
  return [{ path: ['publicUrl'], message: 'all origins must have the same scheme, all https or all http.' }];
}

function providersProblems(config: Loose): Inconsistency[] {
  const named = Object.entries(asMap(config.providers));
  const names = [...(config.provider === undefined ? [] : ['default']), ...named.map(([name]) => name)];
  const found = named.flatMap(([name, provider]) => providerProblems(asMap(provider), ['providers', name]));
  if (config.provider !== undefined) found.push(...providerProblems(asMap(config.provider), ['provider']));
  if (config.provider !== undefined && Object.hasOwn(asMap(config.providers), 'default')) {
    found.push({ path: ['provider'], message: 'it is short for `providers.default`: give one of the two.' });
  }
  const isOpen = asList(config.routes).every((route) => asMap(route).allow === 'public');
  const isAllOpen = isOpen && config.upstream === undefined && config.routes !== undefined;
  const isForPrograms =
    config.bearer !== undefined && !(Array.isArray(config.bearer) && config.bearer.length === 0);
  if (names.length === 0 && !isAllOpen && !isForPrograms) {
    found.push({
      path: ['provider'],
      message:
        'this key is required: where people sign in, with `issuer`, `clientId` and `clientSecret` (or `bearer`, for programs alone).',
    });
  }
  found.push(...formPostProblems(config));
  for (const [index, route] of asList(config.routes).entries()) {
    for (const name of asTexts(asMap(route).provider)) {
      if (names.includes(name)) continue;
      const meant = nearest(name, names);
      const hint = meant ? `; did you mean ${meant}?` : `; there are ${names.join(', ')}.`;
      found.push({ path: ['routes', index, 'provider'], message: `no provider has the name ${name}${hint}` });
    }
  }
  return found;
}

/** The browser brings the login's cookie along with a form of another site only as `SameSite=None; Secure`. */
function formPostProblems(config: Loose): Inconsistency[] {
  if (!asTexts(config.publicUrl).some((url) => /^http:/i.test(url))) return [];
  const named = Object.entries(asMap(config.providers)).map(([name, provider]) => ({
    path: ['providers', name],
    provider,
  }));
  return [{ path: ['provider'], provider: config.provider }, ...named]
    .filter(({ provider }) => asMap(provider).responseMode === 'form_post')
    .map(({ path }) => ({
      path: [...path, 'responseMode'],
      message: 'form_post needs a cookie that browsers take on https only, and publicUrl is http.',
    }));
}

function providerProblems(provider: Loose, at: ConfigPath): Inconsistency[] {
  const problems = [...findProviderProblems(provider), ...findKindProblems(provider)];
  const found: Inconsistency[] = problems.map(({ path, message }) => ({ path: [...at, ...path], message }));
  if (!isOn(provider.insecureHttp)) {
    const names = ['issuer', 'authorizationEndpoint', 'tokenEndpoint', 'userinfoEndpoint', 'jwksUri'];
    const more = [
      'endSessionEndpoint',
      'revocationEndpoint',
      'introspectionEndpoint',
      'pushedAuthorizationRequestEndpoint',
    ];
    for (const name of [...names, ...more]) {
      const value = provider[name];
      if (typeof value !== 'string' || !URL.canParse(value)) continue;
      const url = new URL(value);
      if (url.protocol === 'http:' && !isLoopback(url)) {
        found.push({
          path: [...at, name],
          message: 'plain http to another machine is not safe: use https, or say `insecureHttp: true`.',
        });
      }
    }
  }
  return found;
}

function cookieProblems(config: Loose): Inconsistency[] {
  const found: Inconsistency[] = [];
  const cookie = asMap(asMap(config.session).cookie);
  const origins = asTexts(config.publicUrl)
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url));
  const insecure = origins.some((origin) => origin.protocol === 'http:');
  const report = (key: string, message: string) => found.push({ path: ['session', 'cookie', key], message });
  const name = typeof cookie.name === 'string' ? cookie.name.toLowerCase() : '';
  if (/^__(host|secure)-/.test(name) && insecure) {
    report('name', 'browsers take __Host- and __Secure- cookies on https only, and publicUrl is http.');
  }
  if (name.startsWith('__host-') && cookie.domain !== undefined) {
    report('name', 'a __Host- cookie cannot have a domain: name it __Secure-…, or drop `domain`.');
  }
  found.push(...cookiePathProblems(config, cookie, origins));
  if (cookie.sameSite === 'none' && insecure) {
    report('sameSite', 'browsers take SameSite=None on https only, and publicUrl is http.');
  }
  if (isOn(cookie.partitioned) && cookie.sameSite !== 'none') {
    report('partitioned', 'a partitioned cookie is for frames of other sites, which needs `sameSite: none`.');
  }
  if (isOn(cookie.partitioned) && insecure) {
    report('partitioned', 'browsers take partitioned cookies on https only, and publicUrl is http.');
  }
  const domain = cookie.domain;
  if (typeof domain === 'string') {
    const outside = origins.find(
      ({ hostname }) => hostname !== domain.toLowerCase() && !hostname.endsWith(`.${domain.toLowerCase()}`),
    );
    if (outside) report('domain', `${outside.hostname} of publicUrl is not below this domain.`);
  }
  return found;
}

/** Browsers send a cookie to the paths that its own covers (RFC 6265 §5.1.4), and a __Host- one to all. */
function cookiePathProblems(config: Loose, cookie: Loose, origins: readonly URL[]): Inconsistency[] {
  const { path, name, domain } = cookie;
  if (typeof path !== 'string' || path === '/') return [];
  const report = (message: string) => [{ path: ['session', 'cookie', 'path'], message }];
  const prefix = asTexts(asMap(config.endpoints).prefix)[0] ?? '/oauth2';
  const folder = path.endsWith('/') ? path : `${path}/`;
  if (!`${prefix}/`.startsWith(folder)) {
    return report(
      `it has to cover ${prefix} (endpoints.prefix): a sign-out there would not see the cookie, and so end nothing.`,
    );
  }
  if (folder === `${prefix}/`) {
    return report(
      `only the gateway itself is below ${prefix} (endpoints.prefix): no route would see the cookie.`,
    );
  }
  const isSecure = origins.length > 0 && origins.every((origin) => origin.protocol === 'https:');
  const isHostName =
    typeof name === 'string' ? name.toLowerCase().startsWith('__host-') : isSecure && domain === undefined;
  return isHostName
    ? report(
        'a __Host- cookie always has the path /: give it a `name` such as __Secure-sallyport, or drop `path`.',
      )
    : [];
}

function secretProblems({ provider, providers, session, assertion, routes }: Loose): Inconsistency[] {
  const signs = [assertion, ...asList(routes).map((route) => asMap(route).assertion)];
  const isNeeded =
    provider !== undefined ||
    Object.keys(asMap(providers)).length > 0 ||
    signs.some((each) => each !== undefined);
  if (!isNeeded || asMap(session).secret !== undefined) return [];
  return [{ path: ['session', 'secret'], message: `this key is required: ${sessionSecretForm}.` }];
}

function storeProblems({ store, redis }: Loose): Inconsistency[] {
  const url = asMap(redis).url;
  if (url === undefined || store === undefined || store === 'cookie') return [];
  const message =
    store === 'memory'
      ? 'sessions are either in memory or shared: drop `session.redis.url`, or make it the `session.store`.'
      : 'the store is a Redis already; `session.redis.url` is for sessions in cookies.';
  return [{ path: ['session', 'redis', 'url'], message }];
}
