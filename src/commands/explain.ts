import { readFileSync } from 'node:fs';
import { decide } from '../access/decide.ts';
import { isForgeable } from '../access/navigation.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import { headerSet, ownedNames } from '../forward/header-set.ts';
import { compileRequestHeaders } from '../forward/request-headers.ts';
import { scopesOf } from '../identity/bearer/token.ts';
import { collectNeeds } from '../identity/claim-paths.ts';
import { pickClaims } from '../identity/login/claims.ts';
import { personOf, personRules } from '../identity/person.ts';
import { compileNetworks } from '../listen/peer.ts';
import { compileHosts } from '../routes/hosts.ts';
import { resolveTarget } from '../routes/resolve.ts';
import { compileRoutes, type Route } from '../routes/table.ts';
import { makeTarget, type Target } from '../routes/target.ts';
import { removedPrefix, upstreamPath } from '../routes/upstream-path.ts';

export interface ExplainOptions {
  config?: string;
  /** A JSON file with the claims of somebody who is signed in. */
  as?: string;
  /** Those claims are of an access token that a client brings. */
  bearer?: boolean;
  /** The address of the client. */
  from: string;
}

const mask = '***';

/**
 * `sallyport explain METHOD URL`: which route takes a request, which rule decides and how, and the headers that
 * the upstream would get, tokens masked. It uses the same table and functions as requests. Throws ConfigError.
 */
export function explain(method: string, url: string, options: ExplainOptions): string {
  const { config } = loadConfig({ file: options.config, env: process.env });
  const table = compileRoutes(config);
  const claims = options.as === undefined ? undefined : readClaims(options.as);
  try {
    const target = readTarget(url, config);
    compileHosts(config.publicUrl, table).originOf(target);
    const resolution = resolveTarget(table, config.endpoints.prefix, target, method.toUpperCase());
    if (resolution.kind === 'endpoint') return `endpoint  ${resolution.path}: answered by the gateway itself`;
    return explainRoute(
      config,
      table.routes,
      resolution.route,
      method.toUpperCase(),
      target,
      claims,
      options,
    );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `refused   ${error.status} ${error.code}: ${[error.sentence, error.detail].filter(Boolean).join(' ')}`;
  }
}

function readClaims(file: string): Record<string, unknown> {
  const claims: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (claims === null || typeof claims !== 'object' || Array.isArray(claims)) {
    throw new Error(`${file} has to hold an object of claims, such as {"sub":"ada","groups":["staff"]}`);
  }
  return claims as Record<string, unknown>;
}

/** A client whose access token has these claims; without `iss` it is one of the first issuer. */
function clientOf(
  { bearer, providers }: Config,
  given: Record<string, unknown>,
  claims: Record<string, unknown>,
) {
  const issuer = given.iss ?? bearer[0]?.issuer;
  const entry = bearer.find((each) => each.issuer === issuer);
  if (!entry) return undefined;
  const [provider] = Object.entries(providers).find(([, each]) => each.issuer === issuer) ?? [];
  const { requireVerifiedEmail } = entry;
  const rules = { claims: entry.claims, countUnverifiedEmail: false, requireVerifiedEmail };
  return {
    ...personOf(rules, String(given.sub ?? ''), claims),
    bearer: true,
    scopes: scopesOf(given),
    provider,
    accessToken: mask,
    idToken: undefined,
    sessionId: undefined,
  };
}

/** A URL, or a path of the first public origin; byte for byte, since spelling is what may be asked about. */
function readTarget(url: string, { publicUrl }: Config): Target {
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  const host = absolute?.[1] ?? new URL(publicUrl[0] ?? '').host;
  const path = absolute ? absolute[2] || '/' : url;
  return makeTarget(path, host);
}

function explainRoute(
  config: Config,
  routes: readonly Route[],
  route: Route,
  method: string,
  target: Target,
  given: Record<string, unknown> | undefined,
  { from: address, bearer = false }: ExplainOptions,
): string {
  const sets = new Map(routes.map((each) => [each, headerSet(config, each)]));
  const { claimPaths } = collectNeeds(
    config,
    [...sets.values()].flatMap((set) => [...set.values()]),
  );
  const subject = String(given?.sub ?? '');
  const provider = route.provider?.[0] ?? Object.keys(config.providers)[0] ?? '';
  const settings = config.providers[provider];
  const claims = given && pickClaims(given, claimPaths, settings?.claims.username);
  const accessToken = settings?.dpop ? undefined : mask;
  const tokens = { accessToken, idToken: mask, sessionId: mask, provider };
  const session = settings && claims && { ...personOf(personRules(settings), subject, claims), ...tokens };
  const person = bearer && given && claims ? clientOf(config, given, claims) : session;
  const isFrom = (networks: Parameters<typeof compileNetworks>[0]) => compileNetworks(networks)(address);
  const decision = decide(route, {
    person,
    isFrom,
    navigation: method === 'GET' || method === 'HEAD',
    preflight: false,
    forgeable: isForgeable(method, {}),
  });
  const lines = [
    `route     ${route.label}${route.methods ? ` ${route.methods.join(',')}` : ''} -> ${route.upstream.join(', ')}`,
    `allow     ${typeof route.allow === 'string' ? route.allow : JSON.stringify(route.allow)}`,
    `decision  ${decision.kind}${decision.kind === 'deny' ? ` (${decision.code})` : ''}: ${decision.reason}`,
  ];
  if (decision.kind !== 'allow') return lines.join('\n');

  const path = upstreamPath(route, target.path) + target.query;
  if (path !== target.path + target.query) lines.push(`path      ${path}`);
  const assertion = route.assertion ?? config.assertion;
  const build = compileRequestHeaders(
    { owned: ownedNames(sets.values(), []), ownsCookie: () => false },
    {
      templates: sets.get(route) ?? new Map(),
      computed: assertion && [[assertion.header, ({ person: somebody }) => somebody && mask]],
      preserveHost: route.preserveHost,
      prefix: removedPrefix(route),
    },
  );
  const scheme = config.publicUrl[0]?.startsWith('https:') ? 'https' : 'http';
  const headers = build(
    { rawHeaders: [], headers: {} },
    { address, trusted: false, host: target.host, scheme },
    { requestId: mask, person },
    originOf(route),
  );
  for (let at = 0; at < headers.length; at += 2) lines.push(`header    ${headers[at]}: ${headers[at + 1]}`);
  return lines.join('\n');
}

/** The first upstream's; of a socket, the name that stands in Host. */
function originOf({ upstream: [first = ''] }: Route): string {
  return first.startsWith('unix:') ? 'http://localhost' : first;
}
