import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Access, trusts } from '../../access/decide.ts';
import { type Clock, systemClock } from '../../clock.ts';
import type { Config, ResourceConfig, RouteConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import type { Shared } from '../../session/shared/shared.ts';
import { createSingleFlight } from '../../session/shared/single-flight.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Caller } from '../caller.ts';
import { pickClaims } from '../login/claims.ts';
import { personOf } from '../person.ts';
import { KeysUnavailable } from '../provider/keys.ts';
import { type BoundRequest, type Confirmation, checkBinding, readConfirmation } from './binding.ts';
import { createCache } from './cache.ts';
import { type Challenge, challengeHeader } from './challenge.ts';
import { type Presented, readPresented } from './presented.ts';
import { TokenRejected } from './rejected.ts';
import { metadataUrl } from './resource-metadata.ts';
import { openSource, type Source } from './sources.ts';
import { readToken, scopesOf, type VerifiedToken } from './token.ts';

/** A request that may bring an access token. */
export interface BearerRequest {
  message: IncomingMessage;
  /** The method that is decided on. */
  method: string;
  /** The public origin that was asked, the host as the request named it, and the path. */
  origin: string;
  host: string;
  path: string;
  /** Of the client, as far as it is known. */
  address: string;
  route: Pick<RouteConfig, 'resource'> & { access: Pick<Access, 'trusts' | 'requiredScope'> };
}

/** Programs that bring an access token instead of a session. */
export interface BearerClients {
  /**
   * Who brings the token of a request; undefined for a request without one. A token that is known already is
   * answered at once. Rejects with GatewayError: 400, 401 with a challenge, or 503 while nothing is known of it.
   */
  identify(request: BearerRequest): Maybe<Caller> | undefined;
  /** The `WWW-Authenticate` of a refusal. */
  challenge(request: Pick<BearerRequest, 'origin' | 'route'>, details?: Partial<Challenge>): string;
  close(): Promise<void>;
}

export interface BearerParts {
  config: Config;
  /** The claims that rules and headers use. */
  claimPaths: ReadonlySet<string>;
  /** Does a thing once among all processes, as of `Shared`. */
  once: Shared['once'];
  log: Logger;
}

/** A token that was verified, with what depends on the request still to be checked. */
interface Client {
  caller: Caller;
  source: Source;
  audiences: readonly string[];
  confirmation: Confirmation;
  /** The generation of the keys that it was verified with. */
  generation: number;
}

/** After this a JWT is verified again, so that a key that was withdrawn is not good for long. */
const longestJwtMs = 600_000;
/** A token that was revoked is good for so long at the most. */
const longestIntrospectionMs = 60_000;
/** Long enough to keep a client that repeats itself away from the issuer. */
const rejectionMs = 5000;
/** What an entry takes beside its token. */
const overheadBytes = 2048;
const accepted = { entries: 20_000, bytes: 64 * 1024 * 1024 };
const rejected = { entries: 10_000, bytes: 16 * 1024 * 1024 };

/** Opens what `bearer` configures. Nothing is fetched before a token needs it. */
export function createBearerClients(
  { config, claimPaths, once, log }: BearerParts,
  { now, monotonic }: Clock = systemClock,
): BearerClients {
  const sources = config.bearer.map((entry) => openSource(entry, log, now));
  const resources = new Map(
    config.routes.flatMap(({ resource }) => (resource ? [[resource, spellingsOf(resource)] as const] : [])),
  );
  const providers = new Map(
    Object.entries(config.providers)
      .reverse()
      .map(([name, { issuer }]) => [issuer, name]),
  );
  const known = createCache<Client>(accepted, monotonic);
  const inactive = createCache<TokenRejected>(rejected, monotonic);
  const alone = createSingleFlight<Client>();

  const clientOf = (source: Source, token: string, verified: VerifiedToken, generation: number): Client => {
    const { issuer = '', subject, audiences, claims, expiresAt } = verified;
    const person = {
      ...personOf(source.rules, subject, pickClaims(claims, claimPaths, source.rules.claims.username)),
      bearer: true,
      scopes: scopesOf(claims),
      provider: providers.get(issuer),
      accessToken: token,
      idToken: undefined,
      sessionId: undefined,
    };
    const caller: Caller = { person, current: undefined, subject, tokenExpiresAt: expiresAt };
    return { caller, source, audiences, confirmation: readConfirmation(claims.cnf), generation };
  };

  const remember = (key: string, token: string, client: Client, longestMs: number) => {
    // How long an answer counts is no matter of the time of day; when a token ends is.
    known.set(key, client, monotonic() + longestMs, 2 * token.length + overheadBytes);
  };

  const isOver = ({ source, caller }: Client): boolean =>
    caller.tokenExpiresAt !== undefined && caller.tokenExpiresAt * 1000 + source.clockTolerance <= now();

  const lookUp = async (key: string, token: string, address: string): Promise<Client> => {
    const jwt = readToken(token);
    const issuer = jwt?.payload.iss;
    const verifying = jwt && sources.find(({ verifier }) => verifier && verifier.issuer === issuer);
    if (jwt && verifying?.verifier) {
      const { verifier } = verifying;
      // Of before: keys that are fetched meanwhile may be without the one that verifies it.
      const generation = verifier.generation();
      const client = clientOf(verifying, token, await verifier.verify(token, jwt), generation);
      remember(key, token, client, longestJwtMs);
      return client;
    }
    let failure = new TokenRejected('The token is of no issuer that is known here');
    for (const source of sources) {
      const { introspector } = source;
      // A token that names its issuer is shown to nobody else.
      if (!introspector || (jwt && (introspector.issuer ?? issuer) !== issuer)) continue;
      try {
        const client = clientOf(source, token, await introspector.introspect(token, address), 0);
        remember(key, token, client, longestIntrospectionMs);
        return client;
      } catch (error) {
        if (!(error instanceof TokenRejected)) throw error;
        failure = error;
      }
    }
    inactive.set(key, failure, monotonic() + rejectionMs, overheadBytes);
    throw failure;
  };

  const check = (client: Client, presented: Presented, request: BearerRequest): Maybe<Caller> => {
    const { source, audiences, confirmation, caller } = client;
    const { resource } = request.route;
    // RFC 8707 §2: what was issued for one resource is no good at another.
    const wanted = resource ? resources.get(resource) : source.audiences;
    const isForNobody = !resource && audiences.length === 0 && source.mayBeForNobody;
    if (!isForNobody && !audiences.some((audience) => wanted?.has(audience)))
      throw new TokenRejected('The token is for another audience');
    if (!trusts(request.route, caller.person))
      throw new TokenRejected('The token is of an issuer that is not accepted here');
    const bound = checkBinding(confirmation, presented, () => boundRequest(request), once);
    return bound instanceof Promise ? bound.then(() => caller) : caller;
  };

  const failure = (error: unknown, { scheme }: Presented, request: BearerRequest): unknown => {
    if (error instanceof KeysUnavailable)
      return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
    if (!(error instanceof TokenRejected)) return error;
    const details = { scheme, error: error.error, description: error.message };
    return new GatewayError('token_invalid', {
      detail: `${error.message}.`,
      challenge: challenge(request, details),
      cause: error,
    });
  };

  const challenge: BearerClients['challenge'] = ({ origin, route }, details = {}) =>
    challengeHeader({
      scheme: 'Bearer',
      realm: origin,
      scope: route.access.requiredScope,
      resourceMetadata: route.resource && metadataUrl(route.resource).href,
      ...details,
    });

  const identified = (presented: Presented, request: BearerRequest): Maybe<Caller> => {
    const key = hash('sha256', presented.token, 'base64url');
    const client = known.get(key);
    if (client && !isOver(client) && client.generation === (client.source.verifier?.generation() ?? 0))
      return check(client, presented, request);
    const refused = inactive.get(key);
    if (refused) throw refused;
    return alone(key, () => lookUp(key, presented.token, request.address)).then((found) =>
      check(found, presented, request),
    );
  };

  return {
    challenge,
    identify(request) {
      let presented: Presented | undefined;
      try {
        presented = readPresented(request.message);
        if (!presented) return undefined;
        const caller = identified(presented, request);
        if (!(caller instanceof Promise)) return caller;
        const asked = presented;
        return caller.catch((error) => {
          throw failure(error, asked, request);
        });
      } catch (error) {
        return Promise.reject(presented ? failure(error, presented, request) : error);
      }
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}

/** A host that only routes name is no origin of publicUrl, so the client knows it by its own name. */
function boundRequest({ message, method, origin, host, path }: BearerRequest): BoundRequest {
  const { protocol, hostname } = new URL(origin);
  const named = `${protocol}//${host}`;
  const isOrigin = !URL.canParse(named) || new URL(named).hostname === hostname;
  return { message, method, url: (isOrigin ? origin : named) + path };
}

/** With and without the slash behind the host, which are one URL (RFC 3986 §6.2.3). */
function spellingsOf({ identifier }: ResourceConfig): ReadonlySet<string> {
  return new Set([identifier, new URL(identifier).href, identifier.replace(/^(https?:\/\/[^/]+)\/$/, '$1')]);
}
