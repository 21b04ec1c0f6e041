import { isForged } from '../access/decide.ts';
import { GatewayError } from '../errors.ts';
import type { TokenLimits } from '../identity/bearer/token-limits.ts';
import type { Caller } from '../identity/claims/caller.ts';
import type { RateLimits, Sent } from '../limits/rate-limits.ts';
import type { LimitedEndpoint } from '../limits/rules.ts';
import { healthName } from '../routes/resolve.ts';
import { arrived, type Exchange } from './exchange.ts';
import type { Stage } from './outcome.ts';

/** Which of the limits an endpoint of ours has, by its name below the prefix. */
const limited: ReadonlyMap<string, LimitedEndpoint> = new Map([
  ['start', 'login'],
  ['initiate', 'login'],
  ['sign_in', 'login'],
  ['callback', 'callback'],
  ['sign_out', 'sign_out'],
  ['userinfo', 'userinfo'],
  ['backchannel-logout', 'backchannel-logout'],
]);

/** What is more than the process takes at once ends here. Throws GatewayError 503. */
export function limitInFlight(isOverloaded: () => boolean, prefix: string): Stage {
  const health = `${prefix}/${healthName}`;
  return ({ exchange }) => {
    if (!isOverloaded()) return undefined;
    const { resolution } = arrived(exchange);
    // A balancer that gets no answer takes this process out, and the others have to do its work as well.
    if (resolution.kind === 'endpoint' && resolution.path === health) return undefined;
    throw new GatewayError('overloaded', { retryAfter: 1 });
  };
}

/** What is too much of one client ends here, before anything is done for it. Throws GatewayError 429. */
export function limitClients(limits: RateLimits, prefix: string): Stage {
  return ({ exchange, arrival }) => {
    limits.arrived(sentBy(exchange, arrival.via === 'question' ? undefined : prefix));
    return undefined;
  };
}

/** The name of a person or a program: people of two providers may have one `sub`, and so may clients of two issuers. */
const whoIs = ({ person, current, subject, issuer }: Caller): string =>
  JSON.stringify([current?.session.provider ?? person.provider, issuer, subject]);

/**
 * The same of one person or program, whatever the address. It comes behind the decision: what another site makes a browser
 * send is not the will of the person whose cookie it brings, and uses up nothing of theirs.
 */
export function limitPeople(limits: RateLimits): Stage {
  return ({ exchange, caller, decision }) => {
    if (caller && !isForged(decision)) limits.identified(sentBy(exchange, undefined), whoIs(caller));
    return undefined;
  };
}

/** What could not be read counts for its client as well. Throws GatewayError 429. */
export const limitUnread = (limits: RateLimits, { peer, request }: Exchange): void =>
  limits.arrived({
    address: peer.clientAddress,
    path: undefined,
    endpoint: undefined,
    headers: request.headers,
  });

/** A login begins for a request. Throws GatewayError 429. */
export function limitLogin(limits: RateLimits, exchange: Exchange): void {
  limits.caused('login', sentBy(exchange, undefined));
}

/** How many tokens that nobody knows clients may bring. */
export function createTokenLimits(limits: RateLimits): TokenLimits {
  const by = (address: string): Sent => ({
    address: address === '' ? undefined : address,
    path: undefined,
    endpoint: undefined,
    headers: {},
  });
  return {
    tried(address) {
      const wait = limits.blockedFor('bearer-failures', by(address));
      if (wait > 0) throw new GatewayError('rate_limited', { retryAfter: wait });
    },
    failed: (address) => limits.happened('bearer-failures', by(address)),
    asked: (address) => limits.caused('introspection', by(address)),
  };
}

/** @param prefix undefined where the gateway's own endpoints are not asked for */
function sentBy(exchange: Exchange, prefix: string | undefined): Sent {
  const { peer, request } = exchange;
  const { target, resolution } = arrived(exchange);
  const isEndpoint = prefix !== undefined && resolution.kind === 'endpoint';
  return {
    address: peer.clientAddress,
    path: target.path,
    endpoint: isEndpoint ? endpointAt(resolution.path, prefix) : undefined,
    headers: request.headers,
  };
}

/** `/oauth2/callback/google` is a callback as well. */
function endpointAt(path: string, prefix: string): LimitedEndpoint | undefined {
  const [name = ''] = path.slice(prefix.length + 1).split('/', 1);
  return limited.get(name);
}
