import { type Access, trusts } from '../../access/decide.ts';
import type { Config, ResourceConfig, RouteConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { Inbound } from '../../listen/inbound.ts';
import { text } from '../../pages/texts/text.ts';
import type { Shared } from '../../session/shared/shared.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Caller } from '../claims/caller.ts';
import { KeysUnavailable } from '../provider/key-set.ts';
import type { Trouble } from '../provider/standing.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import { type BoundRequest, checkBinding } from './binding.ts';
import { type Challenge, challengeHeader } from './challenge.ts';
import type { IntrospectorNeeds } from './introspect.ts';
import { type Client, openKnownTokens } from './known-tokens.ts';
import { type Presented, readPresented } from './presented.ts';
import { openSource } from './sources.ts';

/** A request that may bring an access token. */
export interface BearerRequest {
  message: Pick<Inbound, 'headers' | 'rawHeaders' | 'socket'>;
  /** The method that is decided on. */
  method: string;
  /** The public origin that was asked, the host as the request named it, and the path. */
  origin: string;
  host: string;
  path: string;
  /** Of the client, as far as it is known. */
  address: string;
  route: Pick<RouteConfig, 'resource'> & {
    access: Pick<Access, 'trusts' | 'requiredScope'>;
    /** Where the metadata of its resource is (RFC 9728 §3.1). */
    resourceMetadata: string | undefined;
  };
}

/** Programs that bring an access token instead of a session. */
export interface BearerClients {
  /**
   * Who brings the token of a request; undefined for a request without one. A token that is known already is
   * answered at once. Rejects with GatewayError: 400, 401 with a challenge, or 503 while nothing is known of it.
   */
  identify(request: BearerRequest): Maybe<Caller> | undefined;
  /** What of the issuers does not work now. */
  troubles(): Trouble[];
  /** The `WWW-Authenticate` of a refusal. */
  challenge(request: Pick<BearerRequest, 'origin' | 'route'>, details?: Partial<Challenge>): string;
}

export interface BearerNeeds extends IntrospectorNeeds {
  /** The claims that rules and headers use. */
  claimPaths: ReadonlySet<string>;
  /** Does a thing once among all processes, as of `Shared`. */
  once: Shared['once'];
}

/** Opens what `bearer` configures; undefined for nothing. Nothing is fetched before a token needs it. */
export function openBearerClients(
  config: Pick<Config, 'bearer' | 'providers' | 'routes'>,
  needs: BearerNeeds,
): BearerClients | undefined {
  if (config.bearer.length === 0) return undefined;
  const sources = config.bearer.map((entry, index) => openSource(entry, `bearer[${index}]`, needs));
  const tokens = openKnownTokens(config, sources, needs);
  const resources = new Map(
    config.routes.flatMap(({ resource }) =>
      resource ? [[resource.identifier, spellingsOf(resource)] as const] : [],
    ),
  );
  const proofs = { once: needs.once, now: needs.clock.now };

  const check = (client: Client, presented: Presented, request: BearerRequest): Maybe<Caller> => {
    const { audiences, clientId, confirmation, caller } = client;
    const { resource } = request.route;
    const source = sources[client.source];
    // RFC 8707 §2: what was issued for one resource is no good at another.
    const wanted = resource ? resources.get(resource.identifier) : source?.audiences;
    const isForNobody = !resource && audiences.length === 0 && source?.mayBeForNobody(clientId);
    if (!isForNobody && !audiences.some((audience) => wanted?.has(audience)))
      throw new TokenRejected('The token is for another audience');
    if (!trusts(request.route, caller.person))
      throw new TokenRejected('The token is of an issuer that is not accepted here');
    const bound = checkBinding(confirmation, presented, () => boundRequest(request), proofs);
    return bound instanceof Promise ? bound.then(() => caller) : caller;
  };

  const identified = (presented: Presented, request: BearerRequest): Maybe<Caller> => {
    const client = tokens.find(presented.token, request.address);
    return client instanceof Promise
      ? client.then((found) => check(found, presented, request))
      : check(client, presented, request);
  };

  return {
    challenge,
    troubles: () => sources.flatMap((source) => source.troubles()),
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
  };
}

const challenge: BearerClients['challenge'] = ({ origin, route }, details = {}) =>
  challengeHeader({
    scheme: 'Bearer',
    realm: origin,
    scope: route.access.requiredScope,
    resourceMetadata: route.resourceMetadata,
    ...details,
  });

function failure(error: unknown, { scheme }: Presented, request: BearerRequest): unknown {
  if (error instanceof KeysUnavailable)
    return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  if (!(error instanceof TokenRejected)) return error;
  const details = { scheme, error: error.error, description: error.message };
  return new GatewayError('token_invalid', {
    detail: text('detail.token_rejected', { description: error.message }),
    challenge: challenge(request, details),
    cause: error,
  });
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
