import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { proxySecrets } from '../egress/proxy.ts';
import type { EgressRules } from '../egress/rules.ts';
import { defaultHeaders } from './default-headers.ts';
import type { Config, configSchema, ProviderConfig, RouteConfig } from './schema/index.ts';
import { routeSchema } from './schema/routes.ts';

/** What the schema makes of a document. */
export type ReadConfig = z.output<typeof configSchema>;
type ReadProvider = NonNullable<ReadConfig['provider']>;

/** Brings a valid document into the one form that the gateway knows: no short form is left. */
export function normalise(
  read: ReadConfig,
  { secrets, shown, egress }: Pick<Config, 'secrets' | 'shown' | 'egress'>,
): Config {
  const { provider, providers: named, session, ...rest } = read;
  // Where nobody signs in, nothing that is sealed has to be opened again.
  const { secret = [randomBytes(32)] } = session;
  const providers = Object.fromEntries(
    Object.entries({ ...(provider && { default: provider }), ...named }).map(([name, each]) => [
      name,
      withProfile(withEgress(withIssuer(each), egress)),
    ]),
  );
  const routes = routesOf(read.routes, read.upstream, Object.keys(providers).length > 0);
  const clients = Object.values(providers).map(({ clientSecret = '' }) => clientSecret);
  const bearer = read.bearer.map((entry) => withEgress(entry, egress));
  const proxies = [...Object.values(providers), ...bearer, ...routes].map(({ proxy }) => proxy);
  return {
    ...rest,
    routes,
    providers,
    bearer,
    session: { ...session, secret },
    defaultHeaders,
    secrets: [
      ...new Set([
        ...secrets,
        ...clients,
        ...[...proxies, egress.http, egress.https].flatMap((proxy = '') => proxySecrets(proxy)),
      ]),
    ],
    shown,
    egress,
  };
}

/** All routes, the one that the top-level `upstream` stands for as the last. */
export function routesOf(
  routes: ReadConfig['routes'],
  upstream: ReadConfig['upstream'],
  hasLogin: boolean,
): RouteConfig[] {
  const shorthand = upstream === undefined ? [] : [routeSchema.parse({ upstream })];
  return [...routes, ...shorthand].map((route) =>
    // Where there is no login, nobody can be sent to it.
    hasLogin || route.unauthenticated === 'pass' ? route : { ...route, unauthenticated: '401' as const },
  );
}

/** With the rules of which way calls go: a proxy of its own holds for all of them, else what the environment says. */
function withEgress<Asked extends { proxy?: string | undefined }>(
  asked: Asked,
  egress: EgressRules,
): Asked & { egress: EgressRules } {
  return { ...asked, egress: asked.proxy === undefined ? egress : { fixed: asked.proxy } };
}

/** The provider with an issuer: where none is named, the origin of its authorization endpoint. */
function withIssuer(provider: ReadProvider): Omit<ProviderConfig, 'egress'> {
  return { ...provider, issuer: provider.issuer ?? new URL(provider.authorizationEndpoint ?? '').origin };
}

/** The provider with everything turned on that its profile asks for; what it forbids was refused before. */
function withProfile(provider: ProviderConfig): ProviderConfig {
  if (provider.profile !== 'fapi2') return provider;
  // FAPI 2.0 Security Profile §5.3.3: sender-constrained by mutual TLS where there is a certificate, else by DPoP.
  return { ...provider, par: true, dpop: provider.dpop || provider.tls === undefined };
}
