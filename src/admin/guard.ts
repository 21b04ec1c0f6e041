import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import type { ListenAddress } from '../config/schema/index.ts';
import { createAttempts } from './attempts.ts';
import type { Problem } from './problem.ts';

/**
 * Who may ask for something. `everybody`: it tells nothing of people, paths and addresses, and programs ask for it by
 * whatever name they have for this machine; the pages of browsers do not. `operator`: it changes something or names them.
 */
export type Audience = 'everybody' | 'operator';

/** What counts of a request. */
export interface Asking {
  /** The address of the client; undefined over a Unix socket, whose permissions have decided. */
  client: string | undefined;
  /** Each `Host` that came. */
  hosts: readonly string[];
  origin: string | undefined;
  /** `Sec-Fetch-Site`. */
  fetchSite: string | undefined;
  /** `Accept-Language`. */
  language: string | undefined;
  authorization: string | undefined;
}

/** How much of a page somebody sees: all of it, or what tells nothing of people, paths and addresses. */
export type Sight = 'all' | 'part';

export interface Guard {
  /** Why a request is refused; undefined lets it pass. */
  refuse(asking: Asking, audience: Audience): Problem | undefined;
  /**
   * How much of the status page somebody sees, or why none of it. People open it in a browser, which has no way to send a
   * bearer token: here the token is also taken as the password of Basic authentication (RFC 7617), with any user name.
   * @param wantsAll they are not content with a part of it
   */
  sightOf(asking: Asking, wantsAll: boolean): Sight | Problem;
  /** Whether there is a token to show. */
  hasToken(): boolean;
  /** From now on another token counts, or none. */
  use(token: string | undefined): void;
}

export interface GuardOptions {
  listen: ListenAddress;
  token: string | undefined;
}

/** Stands before everything that the admin listener does. */
export function createGuard({ listen, token }: GuardOptions, clock: Pick<Clock, 'monotonic'>): Guard {
  const attempts = createAttempts(clock);
  const ownNames = new Set(['localhost', ...('host' in listen ? [listen.host.toLowerCase()] : [])]);
  let expected = token === undefined ? undefined : digestOf(token);

  const refuseToken = (client: string, shown: string | undefined): Problem | undefined => {
    if (expected === undefined) return withoutToken;
    const wait = attempts.blockedFor(client);
    if (wait > 0) return tooMany(wait);
    if (shown === undefined) return tokenMissing;
    if (timingSafeEqual(digestOf(shown), expected)) return undefined;
    attempts.failed(client);
    return tokenWrong;
  };
  const isForeignHost = ({ client, hosts }: Asking) =>
    client !== undefined && !hosts.every((host) => isOwnHost(host, ownNames));

  return {
    refuse(asking, audience) {
      const { client, hosts, authorization } = asking;
      if (hosts.length > 1) return severalHosts;
      if (audience === 'everybody')
        return isOfBrowser(asking) && isForeignHost(asking) ? foreignHost : undefined;
      if (isForeignHost(asking)) return foreignHost;
      if (isOfOtherSite(asking)) return crossSite;
      return client === undefined ? undefined : refuseToken(client, bearerToken(authorization));
    },
    sightOf(asking, wantsAll) {
      const { client, hosts, authorization } = asking;
      if (hosts.length > 1) return severalHosts;
      if (isForeignHost(asking)) return foreignHost;
      // A browser sends the credentials that it knows of this address with any link. A link that is followed does no harm,
      // and shows no more.
      if (isOfOtherSite(asking)) return 'part';
      if (client === undefined) return 'all';
      if (!wantsAll && (authorization === undefined || expected === undefined)) return 'part';
      const shown = bearerToken(authorization);
      const refusal = refuseToken(client, shown ?? basicPassword(authorization));
      if (!refusal) return 'all';
      return shown === undefined && refusal.status === 401 ? { ...refusal, ...askedByBrowser } : refusal;
    },
    hasToken: () => expected !== undefined,
    use(next) {
      expected = next === undefined ? undefined : digestOf(next);
    },
  };
}

const bearerToken = (authorization = ''): string | undefined =>
  /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];

/** What stands behind the first colon (RFC 7617 §2); undefined for other schemes, and for nothing. */
function basicPassword(authorization = ''): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  return /^[^:]*:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString())?.[1];
}

/** Two digests are of one length, and how much of them is the same tells nothing of the token. */
const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * A page whose own name was led to this machine (DNS rebinding) has that name in `Host`. An address is nobody's to
 * lead elsewhere.
 */
function isOwnHost(host: string, ownNames: ReadonlySet<string>): boolean {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  return isIP(plain) === 4 || ownNames.has(plain.toLowerCase().replace(/\.$/, ''));
}

/**
 * To a page whose name was led here this is its own site, so that browsers say nothing of another one. They do say the
 * languages of their person, with every request, and no page can keep them from it; programs have none.
 */
const isOfBrowser = ({ origin, fetchSite, language }: Asking): boolean =>
  origin !== undefined || fetchSite !== undefined || language !== undefined;

const isOfOtherSite = ({ origin, fetchSite }: Asking): boolean =>
  origin !== undefined || isForeignSite(fetchSite);

/** Browsers say where a request comes from; no page asks for anything here, but one that came from here. */
const isForeignSite = (fetchSite: string | undefined): boolean =>
  fetchSite !== undefined && fetchSite !== 'none' && fetchSite !== 'same-origin';

const severalHosts: Problem = {
  status: 400,
  code: 'ambiguous_host',
  detail: 'a request has one Host header',
};

const foreignHost: Problem = {
  status: 421,
  code: 'unknown_host',
  detail: 'ask by an address, by localhost, or by the name in admin.listen: any other name may be led here',
};

const crossSite: Problem = {
  status: 403,
  code: 'cross_site',
  detail:
    'this is not for the pages of browsers: there must be no Origin, and no other site in Sec-Fetch-Site',
};

const withoutToken: Problem = {
  status: 403,
  code: 'admin_token_not_set',
  detail: 'this needs admin.token in the configuration, or admin.listen as a Unix socket',
};

const tokenMissing: Problem = {
  status: 401,
  code: 'token_missing',
  detail: 'this needs the header Authorization: Bearer, with admin.token',
  headers: { 'www-authenticate': 'Bearer' },
};

const tokenWrong: Problem = {
  status: 401,
  code: 'token_invalid',
  detail: 'this is not admin.token',
  headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
};

/** So that a browser asks its person. */
const askedByBrowser = {
  detail: 'this needs admin.token: as the password, with any user name, or as Authorization: Bearer',
  headers: { 'www-authenticate': 'Basic realm="Sallyport admin", charset="UTF-8"' },
};

function tooMany(seconds: number): Problem {
  return {
    status: 429,
    code: 'too_many_attempts',
    detail: 'too many wrong tokens came from this address',
    headers: { 'retry-after': String(Math.max(1, Math.ceil(seconds))) },
  };
}
