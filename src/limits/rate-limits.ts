import { createHash } from 'node:crypto';
import { networkOf } from '../client-network.ts';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Keep } from '../holdings.ts';
import type { HeaderFields } from '../listen/inbound.ts';
import type { CountDesk } from '../session/shared/shared.ts';
import type { LimitReports } from './limit-reports.ts';
import { createMeter, longestKey, type Meter } from './meter.ts';
import type { LimitedEndpoint, Rule } from './rules.ts';
import { createSharing, type Sharing } from './sharing.ts';

/** Who sends a request, and where. */
export interface Sent {
  /** Of the client; undefined where nobody says it, as of a front without X-Forwarded-For. */
  address: string | undefined;
  /** Undefined where the path does not count. */
  path: string | undefined;
  /** One of the gateway's own; undefined for any other place. */
  endpoint: LimitedEndpoint | undefined;
  headers: HeaderFields;
}

/** The limits of a plan at work. Each throws GatewayError 429 for what is too much, which then does not count. */
export interface RateLimits {
  /** A request has come, and nobody knows whose it is. */
  arrived(sent: Sent): void;
  /** It is one of this person or program. */
  identified(sent: Sent, person: string): void;
  /** A request causes a thing of its own, such as a login. */
  caused(endpoint: LimitedEndpoint, sent: Sent): void;
  /** Seconds for which a client may cause nothing of a kind any more; 0 for none. It counts nothing. */
  blockedFor(endpoint: LimitedEndpoint, sent: Sent): number;
  /** The same as `caused` where that has happened already, and cannot be refused any more. */
  happened(endpoint: LimitedEndpoint, sent: Sent): void;
}

export interface RateLimitNeeds {
  keep: Keep;
  clock: Clock;
  refusals: LimitReports;
  /** Where other processes count too; undefined where there is none. */
  counts: CountDesk | undefined;
  /** Whether an address is one of the trusted proxies. */
  isTrusted(address: string): boolean;
}

interface OpenRule extends Rule {
  meter: Meter;
}

export function openRateLimits(rules: readonly Rule[], needs: RateLimitNeeds): RateLimits {
  const { keep, clock, refusals, counts } = needs;
  const sharing = counts && createSharing(counts, clock);
  // What was counted outlives the plan; a rule that is another one begins anew.
  const opened = rules.map(
    (rule): OpenRule => ({
      ...rule,
      meter: keep('rate limit', rule.key, () => createMeter(rule.rate, clock)),
    }),
  );
  const keyOf = createKeys(needs);
  const take = createTaking(sharing);
  const count = createCounter(keyOf, take, refusals);
  const ofPeople = opened.filter(({ by }) => by === 'person');
  const ofRequests = opened.filter(({ by, endpoint }) => by !== 'person' && endpoint === undefined);
  const ofEndpoints = new Map(
    opened.map(({ endpoint }) => [endpoint, opened.filter((rule) => rule.endpoint === endpoint)]),
  );
  const rulesOf = (endpoint: LimitedEndpoint): readonly OpenRule[] => ofEndpoints.get(endpoint) ?? [];
  return {
    arrived(sent) {
      if (ofRequests.length > 0) count(ofRequests, sent);
      if (sent.endpoint !== undefined) count(rulesOf(sent.endpoint), sent);
    },
    identified(sent, person) {
      if (ofPeople.length > 0) count(ofPeople, sent, short(`person ${person}`));
    },
    caused: (endpoint, sent) => count(rulesOf(endpoint), sent),
    blockedFor(endpoint, sent) {
      for (const rule of rulesOf(endpoint)) {
        const key = keyOf(rule, sent);
        const wait = key === undefined ? 0 : rule.meter.waitOf(key);
        if (wait === 0) continue;
        refusals.refused(rule.name, clientOf(sent));
        return wait / 1000;
      }
      return 0;
    },
    happened(endpoint, sent) {
      for (const rule of rulesOf(endpoint)) {
        const key = keyOf(rule, sent);
        if (key !== undefined) take(rule, key);
      }
    },
  };
}

type KeyOf = (rule: Rule, sent: Sent) => string | undefined;

/** Whose a request is to a rule; undefined for one that does not count. */
function createKeys({ isTrusted }: Pick<RateLimitNeeds, 'isTrusted'>): KeyOf {
  return ({ by }, { address, headers }) => {
    const value = typeof by === 'object' ? headers[by.header] : undefined;
    if (value !== undefined) return short(`header ${String(value)}`);
    // Behind these is everybody, so that nobody would be limited but all of them together.
    return address === undefined || isTrusted(address) ? undefined : networkOf(address);
  };
}

/** Counts one here, and lets others know. */
function createTaking(sharing: Sharing | undefined) {
  return ({ key: limit, meter, shared }: OpenRule, key: string): void => {
    meter.take(key);
    if (shared) sharing?.took(limit, meter, key);
  };
}

/** Made in floods, and where it was made says nothing: without a stack, which would cost more than all the rest of it. */
function tooMany(waitMs: number): GatewayError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new GatewayError('rate_limited', { retryAfter: waitMs / 1000 });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Counts a request for all rules that mean it, or throws. */
function createCounter(keyOf: KeyOf, take: ReturnType<typeof createTaking>, refusals: LimitReports) {
  return (candidates: readonly OpenRule[], sent: Sent, person?: string): void => {
    const found: [OpenRule, string][] = [];
    for (const rule of candidates) {
      if (rule.takes && (sent.path === undefined || !rule.takes(sent.path))) continue;
      const key = person ?? keyOf(rule, sent);
      if (key === undefined) continue;
      const wait = rule.meter.waitOf(key);
      if (wait > 0) {
        refusals.refused(rule.name, person === undefined ? clientOf(sent) : undefined);
        throw tooMany(wait);
      }
      found.push([rule, key]);
    }
    // What one rule refuses counts for none.
    for (const [rule, key] of found) take(rule, key);
  };
}

/** As it is told of: the value of a header may be a key to something. */
const clientOf = ({ address }: Sent): string | undefined =>
  address === undefined ? undefined : networkOf(address);

/** A key takes little memory, whatever it was made of. */
function short(key: string): string {
  return key.length <= longestKey ? key : createHash('sha256').update(key).digest('base64url');
}
