import { isLoopback } from '../identity/provider/loopback.ts';
import { listenAddressText } from '../listen/address-text.ts';
import { type Check, each, run, type Subject } from './checks/check.ts';
import type { ListenAddress } from './listen-address.ts';
import type { BearerConfig, Config, ProviderConfig, RouteConfig } from './schema/index.ts';

interface NamedProvider extends Subject {
  name: string;
  provider: ProviderConfig;
}

interface BearerEntry extends Subject {
  index: number;
  entry: BearerConfig;
}

interface Origin extends Subject {
  origin: string;
}

interface Route extends Subject {
  route: RouteConfig;
}

interface Admin extends Subject {
  listen: string;
  hasToken: boolean;
}

interface Skip extends Subject {
  index: number;
  entry: Config['logging']['access']['skip'][number];
}

interface Whole extends Subject {
  config: Config;
}

const ofProvider: readonly Check<NamedProvider>[] = [
  {
    when: ({ provider }) => provider.insecureHttp,
    says: ({ name }) =>
      `insecureHttp of provider ${name} is on: who can read or change that traffic can sign in as anybody`,
  },
  {
    when: ({ provider }) => !provider.pkce,
    says: ({ name }) => `pkce of provider ${name} is off: who gets hold of a code can use it`,
  },
  {
    when: ({ provider }) => provider.insecureUnverifiedEmail,
    says: ({ name }) =>
      `insecureUnverifiedEmail of provider ${name} is on: rules on emails count addresses that nobody verified`,
  },
  {
    when: ({ provider }) => provider.insecureAnyTenant,
    says: ({ name }) =>
      `insecureAnyTenant of provider ${name} is on: whoever opens a tenant of that provider can sign in`,
  },
];

const ofBearer: readonly Check<BearerEntry>[] = [
  {
    when: ({ entry }) => entry.insecureHttp,
    says: ({ index }) =>
      `insecureHttp of bearer[${index}] is on: who can read or change that traffic can make tokens`,
  },
  {
    when: ({ entry }) => entry.insecureIdToken,
    says: ({ index }) =>
      `insecureIdToken of bearer[${index}] is on: whoever gets to see an ID token can come here as that person`,
  },
];

const ofOrigin: readonly Check<Origin>[] = [
  {
    when({ origin }) {
      const url = new URL(origin);
      return url.protocol === 'http:' && !isLoopback(url);
    },
    says: ({ origin }) => `publicUrl ${origin} is plain http: session cookies travel unprotected`,
  },
];

const ofRoute: readonly Check<Route>[] = [
  {
    when: ({ route }) => route.tls?.insecureSkipVerify === true,
    says: ({ route }) =>
      `insecureSkipVerify is on for ${route.path}: who is on the path can read and change everything`,
  },
];

const ofOtherHost: readonly Check<Route>[] = [
  {
    when: () => true,
    says: ({ route: { host } }) =>
      `the route of ${host} asks for a session, and ${host} is not in publicUrl: nobody can sign in there`,
  },
];

/** The address of the admin endpoints, where other machines can reach it. */
const openAdmin = ({ config: { admin } }: Whole): Admin[] =>
  typeof admin.listen === 'object' && !isOwn(admin.listen)
    ? [{ at: ['admin'], listen: listenAddressText(admin.listen), hasToken: admin.token !== undefined }]
    : [];

function isOwn(address: ListenAddress): boolean {
  const url = `http://${listenAddressText(address)}`;
  return 'path' in address || (URL.canParse(url) && isLoopback(new URL(url)));
}

const ofOpenAdmin: readonly Check<Admin>[] = [
  {
    when: ({ hasToken }) => !hasToken,
    says: ({ listen }) =>
      `other machines can reach admin.listen ${listen}, and there is no admin.token: it answers health, metrics and a part of the status page, and nothing else`,
  },
  {
    when: ({ hasToken }) => hasToken,
    says: ({ listen }) =>
      `other machines can reach admin.listen ${listen}, which is plain http: who can read that traffic has admin.token`,
  },
];

const ofSkip: readonly Check<Skip>[] = [
  {
    when: ({ entry: { userAgent, path } }) => userAgent !== undefined && path === undefined,
    says: ({ index }) =>
      `logging.access.skip[${index}] has a userAgent and no path: whoever says that they are that leaves no line`,
  },
];

const routes = ({ config }: Whole): Route[] =>
  config.routes.map((route, index) => ({ at: ['routes', index], route }));

/** The routes that ask for a session on a host where nobody gets one. */
function withoutLogin(whole: Whole): Route[] {
  const { publicUrl, providers } = whole.config;
  if (Object.keys(providers).length === 0) return [];
  const hosts = publicUrl.map((origin) => new URL(origin).hostname);
  return routes(whole).filter(
    ({ route: { host, allow } }) =>
      host !== undefined && allow !== 'public' && !hosts.includes(host.replace(/^\*\./, '')),
  );
}

const checks: readonly Check<Whole>[] = [
  each(
    ({ config }) =>
      Object.entries(config.providers).map(([name, provider]) => ({
        at: ['providers', name],
        name,
        provider,
      })),
    ofProvider,
  ),
  each(
    ({ config }) => config.bearer.map((entry, index) => ({ at: ['bearer', index], index, entry })),
    ofBearer,
  ),
  each(({ config }) => config.publicUrl.map((origin) => ({ at: ['publicUrl'], origin })), ofOrigin),
  each(routes, ofRoute),
  each(withoutLogin, ofOtherHost),
  each(openAdmin, ofOpenAdmin),
  each(
    ({ config }) =>
      config.logging.access.skip.map((entry, index) => ({
        at: ['logging', 'access', 'skip', index],
        index,
        entry,
      })),
    ofSkip,
  ),
];

/** What weakens the defaults, or cannot work as it is, is said at every start. */
export const warningsOf = (config: Config): string[] =>
  run(checks, { at: [], config }).map(({ message }) => message);
