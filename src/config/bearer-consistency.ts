import { onlyForClients } from '../access/rule.ts';
import { isLoopback } from '../identity/provider/loopback.ts';
import { asList, asMap, asTexts, type Inconsistency, isOn, type Loose } from './loose.ts';
import type { ConfigPath } from './problems.ts';

/** What no single key can tell of `bearer`, of `resource` and of the rules on tokens. */
export function bearerProblems(config: Loose): Inconsistency[] {
  const entries = asList(config.bearer).map(asMap);
  const routes = asList(config.routes).map(asMap);
  return [
    ...entries.flatMap((entry, index) => entryProblems(entry, ['bearer', index])),
    ...entries.flatMap((entry, index) => audienceProblems(config, entry, ['bearer', index])),
    ...sameIssuerProblems(entries),
    ...routes.flatMap((route, index) => routeProblems(config, route, ['routes', index])),
  ];
}

const addresses = ['issuer', 'jwksUri', 'introspectionEndpoint'] as const;
const forIntrospection = ['clientId', 'clientSecret', 'clientAuth'] as const;
const forJwt = ['jwksUri', 'algorithms', 'type'] as const;

function entryProblems(entry: Loose, at: ConfigPath): Inconsistency[] {
  const found: Inconsistency[] = [];
  const report = (key: string, message: string) => found.push({ path: [...at, key], message });
  const isOpaque = entry.introspectionEndpoint !== undefined;
  if (!isOpaque && entry.issuer === undefined) {
    report('issuer', 'this key is required: whose JWTs are accepted (or give `introspectionEndpoint`).');
  }
  if (isOpaque) {
    for (const key of ['clientId', 'clientSecret']) {
      if (entry[key] === undefined) report(key, 'this key is required: who asks `introspectionEndpoint`.');
    }
  }
  for (const key of isOpaque ? forJwt : forIntrospection) {
    if (entry[key] === undefined) continue;
    const kind = isOpaque ? 'tokens are looked up here, and not verified' : 'no token is looked up here';
    report(key, `${kind}, so this would have no effect.`);
  }
  for (const key of addresses) {
    const value = entry[key];
    if (isOn(entry.insecureHttp)) break;
    if (typeof value !== 'string' || !URL.canParse(value)) continue;
    const url = new URL(value);
    if (url.protocol === 'http:' && !isLoopback(url))
      report(key, 'plain http to another machine is not safe: use https, or say `insecureHttp: true`.');
  }
  return found;
}

/** A token that is for nobody in particular is good at every API of its issuer, and so must not be here. */
function audienceProblems(config: Loose, entry: Loose, at: ConfigPath): Inconsistency[] {
  const path = [...at, 'audience'];
  const routes = asList(config.routes).map(asMap);
  // What has no audience is looked up by a server that knows who asks, and may say no.
  if (entry.audience === undefined && entry.introspectionEndpoint !== undefined) return [];
  if (entry.audience === undefined) {
    const isNeeded =
      config.upstream !== undefined || routes.some(({ allow, resource }) => allow !== 'public' && !resource);
    return isNeeded
      ? [
          {
            path,
            message: 'this key is required: whom tokens must be for (or give each route a `resource`).',
          },
        ]
      : [];
  }
  const types = asTexts(entry.type).map((type) => type.toLowerCase());
  const providers = [config.provider, ...Object.values(asMap(config.providers))].map(asMap);
  const isClient = providers.some(
    ({ issuer, clientId }) => issuer === entry.issuer && asTexts(entry.audience).includes(String(clientId)),
  );
  if (!types.includes('jwt') || !isClient) return [];
  const message = 'with `type: JWT`, ID tokens for this client would pass for access tokens: use another.';
  return [{ path, message }];
}

function sameIssuerProblems(entries: readonly Loose[]): Inconsistency[] {
  const found: Inconsistency[] = [];
  const seen = new Map<unknown, number>();
  for (const [index, { issuer, introspectionEndpoint }] of entries.entries()) {
    if (issuer === undefined || introspectionEndpoint !== undefined) continue;
    const first = seen.get(issuer);
    if (first === undefined) seen.set(issuer, index);
    else {
      const message = `bearer[${first}] has this issuer already: list the audiences of both there.`;
      found.push({ path: ['bearer', index, 'issuer'], message });
    }
  }
  return found;
}

function routeProblems(config: Loose, route: Loose, at: ConfigPath): Inconsistency[] {
  const found: Inconsistency[] = [];
  const hasBearer = asList(config.bearer).length > 0;
  const hasProvider = config.provider !== undefined || Object.keys(asMap(config.providers)).length > 0;
  if (hasBearer && !hasProvider && route.unauthenticated === 'login') {
    found.push({
      path: [...at, 'unauthenticated'],
      message: 'there is no `provider` at which anybody could sign in.',
    });
  }
  for (const [index, alternative] of asList(route.allow).entries()) {
    const key = onlyForClients(asMap(alternative));
    if (hasBearer || key === undefined) continue;
    found.push({
      path: [...at, 'allow', index, key],
      message: 'without the top-level `bearer` no access token is accepted, so this never holds.',
    });
  }
  if (route.resource !== undefined) found.push(...resourceProblems(config, route, [...at, 'resource']));
  return found;
}

function resourceProblems(config: Loose, { host, resource }: Loose, at: ConfigPath): Inconsistency[] {
  const entries = asList(config.bearer).map(asMap);
  if (entries.length === 0)
    return [{ path: at, message: 'without the top-level `bearer` no access token is accepted.' }];
  const { identifier = resource, authorizationServers } = asMap(resource);
  const found: Inconsistency[] = [];
  if (authorizationServers === undefined && entries.every(({ issuer }) => issuer === undefined)) {
    const message = 'no entry of `bearer` has an issuer, so say where clients get a token.';
    found.push({ path: [...at, 'authorizationServers'], message });
  }
  if (typeof identifier !== 'string' || !URL.canParse(identifier)) return found;
  const { hostname } = new URL(identifier);
  const own = asTexts(config.publicUrl).filter((url) => URL.canParse(url));
  const hosts = own.map((url) => new URL(url).hostname);
  const isServed = hosts.includes(hostname) || (typeof host === 'string' && covers(host, hostname));
  if (!isServed) {
    const message = `${hostname} is neither of publicUrl nor the host of this route, so nobody could find its metadata.`;
    found.push({ path: typeof resource === 'string' ? at : [...at, 'identifier'], message });
  }
  return found;
}

function covers(host: string, hostname: string): boolean {
  const name = host.toLowerCase();
  return name === hostname || (name.startsWith('*.') && hostname.endsWith(name.slice(1)));
}
