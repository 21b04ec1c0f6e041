import type { ReadConfig } from '../normalise.ts';
import type { Partly } from '../salvage.ts';
import { type Check, each, type Subject } from './check.ts';
import { origins, type Whole } from './subjects.ts';

interface Cookie extends Subject {
  value: Partly<ReadConfig['session']['cookie']>;
  has: (key: string) => boolean;
  origins: readonly URL[];
  /** Whether browsers come over plain http. */
  isInsecure: boolean;
  /** The path below which the endpoints are, unless it is not valid. */
  prefix: string | undefined;
}

function cookies(whole: Whole): Cookie[] {
  const at = ['session', 'cookie'];
  const value = whole.value.session?.cookie;
  const urls = origins(whole);
  return value
    ? [
        {
          at,
          value,
          has: (key) => whole.has(...at, key),
          origins: urls,
          isInsecure: urls.some(({ protocol }) => protocol === 'http:'),
          prefix: whole.value.endpoints?.prefix,
        },
      ]
    : [];
}

const nameOf = ({ value }: Cookie): string => value.name?.toLowerCase() ?? '';

/** Whether browsers hold the cookie to what `__Host-` says, by its name or by the one that it gets. */
function isHostCookie(cookie: Cookie): boolean {
  if (cookie.has('name')) return nameOf(cookie).startsWith('__host-');
  const isSecure = cookie.origins.length > 0 && cookie.origins.every(({ protocol }) => protocol === 'https:');
  return isSecure && !cookie.has('domain');
}

/** The host of publicUrl that is not below the domain of the cookie. */
function outsider({ value: { domain }, origins: urls }: Cookie): string | undefined {
  if (domain === undefined) return undefined;
  return urls.find(({ hostname }) => hostname !== domain && !hostname.endsWith(`.${domain}`))?.hostname;
}

/** Browsers send a cookie to the paths that its own covers (RFC 6265 §5.1.4), and a __Host- one to all. */
const reachOf = ({ value: { path }, prefix }: Cookie): 'none' | 'endpoints' | 'all' | undefined => {
  if (path === undefined || prefix === undefined || path === '/') return undefined;
  const folder = path.endsWith('/') ? path : `${path}/`;
  if (!`${prefix}/`.startsWith(folder)) return 'none';
  return folder === `${prefix}/` ? 'endpoints' : 'all';
};

export const cookieChecks: readonly Check<Whole>[] = [
  each(cookies, [
    {
      key: 'name',
      when: (cookie) => /^__(host|secure)-/.test(nameOf(cookie)) && cookie.isInsecure,
      says: 'browsers take __Host- and __Secure- cookies on https only, and publicUrl is http.',
    },
    {
      key: 'name',
      when: (cookie) => nameOf(cookie).startsWith('__host-') && cookie.has('domain'),
      says: 'a __Host- cookie cannot have a domain: name it __Secure-…, or drop `domain`.',
    },
    {
      key: 'path',
      when: (cookie) => reachOf(cookie) === 'none',
      says: ({ prefix }) =>
        `it has to cover ${prefix} (endpoints.prefix): a sign-out there would not see the cookie, and so end nothing.`,
    },
    {
      key: 'path',
      when: (cookie) => reachOf(cookie) === 'endpoints',
      says: ({ prefix }) =>
        `only the gateway itself is below ${prefix} (endpoints.prefix): no route would see the cookie.`,
    },
    {
      key: 'path',
      when: (cookie) => reachOf(cookie) === 'all' && isHostCookie(cookie),
      says: 'a __Host- cookie always has the path /: give it a `name` such as __Secure-sallyport, or drop `path`.',
    },
    {
      key: 'sameSite',
      when: ({ value, isInsecure }) => value.sameSite === 'none' && isInsecure,
      says: 'browsers take SameSite=None on https only, and publicUrl is http.',
    },
    {
      key: 'partitioned',
      when: ({ value }) => value.partitioned === true && value.sameSite !== 'none',
      says: 'a partitioned cookie is for frames of other sites, which needs `sameSite: none`.',
    },
    {
      key: 'partitioned',
      when: ({ value, isInsecure }) => value.partitioned === true && isInsecure,
      says: 'browsers take partitioned cookies on https only, and publicUrl is http.',
    },
    {
      key: 'domain',
      when: (cookie) => outsider(cookie) !== undefined,
      says: (cookie) => `${outsider(cookie)} of publicUrl is not below this domain.`,
    },
  ]),
];
