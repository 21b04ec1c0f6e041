import { hash } from 'node:crypto';
import { type Bounded, createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Keep } from '../../holdings.ts';
import { createSingleFlight } from '../../session/shared/single-flight.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Caller } from '../claims/caller.ts';
import { pickClaims } from '../claims/claims.ts';
import { personOf } from '../claims/person.ts';
import { naturalKey } from '../provider/natural-key.ts';
import { readToken, scopesOf, type VerifiedToken } from '../tokens/access-token.ts';
import { type Confirmation, readConfirmation } from '../tokens/confirmation.ts';
import { isSameIssuer, ofIssuer } from '../tokens/issuer.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import type { Source } from './sources.ts';
import type { TokenLimits } from './token-limits.ts';

/** A token that was verified, with what depends on the request still to be checked. */
export interface Client {
  caller: Caller;
  /** Which of the sources verified it. */
  source: number;
  audiences: readonly string[];
  /** Whose token it is, where that is known and nobody is named as its audience. */
  clientId: string | undefined;
  confirmation: Confirmation;
  /** The generation of the keys that it was verified with. */
  generation: number;
}

/** Finds out who brings a token, and remembers it. */
export interface KnownTokens {
  /**
   * At once, where the token is known already. Throws or rejects with TokenRejected, KeysUnavailable or GatewayError.
   * @param address of the client that brings it
   */
  find(token: string, address: string): Maybe<Client>;
}

export interface KnownTokensNeeds {
  /** The claims that rules and headers use. */
  claimPaths: ReadonlySet<string>;
  clock: Clock;
  keep: Keep;
  limits: Pick<TokenLimits, 'tried' | 'failed'>;
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

/** What came of tokens, by their digests. */
type Outcomes<T> = Bounded<string, Outcome<T>>;

interface Outcome<T> {
  found: T;
  /** Milliseconds of the clock that never goes back. */
  until: number;
  bytes: number;
}

/** What was found out, for as long as nothing changes that it depends on. */
interface Memory {
  known: Outcomes<Client>;
  inactive: Outcomes<TokenRejected>;
  alone: ReturnType<typeof createSingleFlight<Client>>;
}

/** @param sources those of `bearer`, in its order */
export function openKnownTokens(
  config: Pick<Config, 'bearer' | 'providers'>,
  sources: readonly Source[],
  { claimPaths, clock, keep, limits }: KnownTokensNeeds,
): KnownTokens {
  const providerNames = Object.entries(config.providers).map(([name, { issuer }]) => [issuer, name] as const);
  const { known, inactive, alone } = openMemory(
    [
      // How long a call may take changes no outcome, and of a file with authorities the contents count.
      config.bearer.map(({ timeout: _, ca: __, ...entry }) => entry),
      sources.map(({ trust }) => trust),
      [...claimPaths].sort(),
      providerNames,
    ],
    { clock, keep },
  );
  // Of several providers with one issuer the first counts.
  const providers = new Map([...providerNames].reverse());
  const look = createLookUp(sources, { claimPaths, providers });

  const isOver = ({ source, caller }: Client): boolean =>
    caller.tokenExpiresAt !== undefined &&
    caller.tokenExpiresAt * 1000 + (sources[source]?.clockTolerance ?? 0) <= clock.now();
  const isOfToday = ({ source, generation }: Client): boolean =>
    generation === (sources[source]?.verifier?.generation() ?? 0);

  const lookUp = async (key: string, token: string, address: string): Promise<Client> => {
    try {
      const { client, longestMs } = await look(token, address);
      // How long an answer counts is no matter of the time of day; when a token ends is.
      const until = clock.monotonic() + longestMs;
      known.set(key, { found: client, until, bytes: 2 * token.length + overheadBytes });
      return client;
    } catch (error) {
      if (!(error instanceof NobodyKnows)) throw error;
      const { rejection } = error;
      limits.failed(address);
      inactive.set(key, { found: rejection, until: clock.monotonic() + rejectionMs, bytes: overheadBytes });
      throw rejection;
    }
  };

  return {
    find(token, address) {
      const key = hash('sha256', token, 'base64url');
      const client = known.get(key)?.found;
      if (client && !isOver(client) && isOfToday(client)) return client;
      const refused = inactive.get(key);
      if (refused) throw refused.found;
      // Before others who bring the same token wait for what comes of it.
      limits.tried(address);
      return alone(key, () => lookUp(key, token, address));
    },
  };
}

/** @param settings all that an outcome depends on: another person, or another verdict, needs another memory */
function openMemory(settings: readonly unknown[], { clock, keep }: { clock: Clock; keep: Keep }): Memory {
  return keep('known access tokens', naturalKey(settings), () => ({
    known: createOutcomes<Client>(accepted, clock),
    inactive: createOutcomes<TokenRejected>(rejected, clock),
    alone: createSingleFlight<Client>(),
  }));
}

/** What came first gives way first: looking one up changes nothing, so that it costs little. */
function createOutcomes<T>({ entries, bytes }: typeof accepted, { monotonic }: Clock): Outcomes<T> {
  return createBounded({
    entries,
    bytes: { most: bytes, of: (outcome) => outcome.bytes },
    ends: { at: ({ until }) => until, now: monotonic },
  });
}

/** No source accepts the token; all that could be asked have answered. */
class NobodyKnows extends Error {
  readonly rejection: TokenRejected;

  constructor(rejection: TokenRejected) {
    super(rejection.message);
    this.rejection = rejection;
  }
}

/** Whether a token names another issuer than the one that is configured; where none is, it cannot. */
const isOfAnother = (configured: string | undefined, stated: unknown): boolean =>
  configured !== undefined && !isSameIssuer(configured, stated);

interface Found {
  client: Client;
  /** Milliseconds for which that is remembered. */
  longestMs: number;
}

/** Verifies a token, or looks it up. */
function createLookUp(
  sources: readonly Source[],
  { claimPaths, providers }: { claimPaths: ReadonlySet<string>; providers: ReadonlyMap<string, string> },
) {
  const clientOf = (index: number, token: string, verified: VerifiedToken, generation: number): Client => {
    const { rules } = sources[index] as Source;
    const { issuer = '', subject, audiences, claims, expiresAt, clientId } = verified;
    const person = {
      ...personOf(rules, subject, pickClaims(claims, claimPaths, rules.claims.username)),
      bearer: true,
      scopes: scopesOf(claims),
      provider: ofIssuer(issuer, (spelling) => providers.get(spelling)),
      accessToken: token,
      idToken: undefined,
      sessionId: undefined,
    };
    const caller: Caller = { person, current: undefined, subject, tokenExpiresAt: expiresAt, issuer };
    const confirmation = readConfirmation(claims.cnf);
    return { caller, source: index, audiences, clientId, confirmation, generation };
  };

  return async (token: string, address: string): Promise<Found> => {
    const jwt = readToken(token);
    const issuer = jwt?.payload.iss;
    const verifying = sources.findIndex(({ verifier }) => verifier && isSameIssuer(verifier.issuer, issuer));
    const verifier = jwt && sources[verifying]?.verifier;
    if (verifier) {
      // Of before: keys that are fetched meanwhile may be without the one that verifies it.
      const generation = verifier.generation();
      const verified = await verifier.verify(token, jwt);
      return { client: clientOf(verifying, token, verified, generation), longestMs: longestJwtMs };
    }
    let failure = new TokenRejected('The token is of no issuer that is known here');
    for (const [index, { introspector }] of sources.entries()) {
      // A token that names its issuer is shown to nobody else.
      if (!introspector || (jwt && isOfAnother(introspector.issuer, issuer))) continue;
      try {
        const verified = await introspector.introspect(token, address);
        return { client: clientOf(index, token, verified, 0), longestMs: longestIntrospectionMs };
      } catch (error) {
        if (!(error instanceof TokenRejected)) throw error;
        failure = error;
      }
    }
    throw new NobodyKnows(failure);
  };
}
