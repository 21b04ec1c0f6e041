import { networkOf } from '../../client-network.ts';
import type { Clock } from '../../clock.ts';
import type { BearerConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Random } from '../../random.ts';
import { type Circuit, createCircuit } from '../provider/circuit.ts';
import type { Introspection, ResourceVerbs } from '../provider/client.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { connectIntrospection, type IntrospectionEndpoint } from '../provider/introspection.ts';
import { naturalKey } from '../provider/natural-key.ts';
import { reportRejection } from '../provider/rejection.ts';
import type { Standing } from '../provider/standing.ts';
import { judgeError } from '../provider/verdict.ts';
import { audiencesOf, kindOf, type VerifiedToken } from '../tokens/access-token.ts';
import { isSameIssuer } from '../tokens/issuer.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import { createFairShare, type FairShare } from './fair-share.ts';
import type { TokenLimits } from './token-limits.ts';

/** Looks opaque tokens up at the server that issued them (RFC 7662). */
export interface Introspector {
  /** The issuer that tokens must name, where it is configured. */
  issuer: string | undefined;
  /**
   * Every check but those of audience and binding, which depend on the request. Rejects with TokenRejected for a
   * token that is not active or fails a check, with GatewayError 503 while nothing is known of it.
   * @param address of the client that brings it
   */
  introspect(token: string, address: string): Promise<VerifiedToken>;
}

/**
 * Anybody can send random tokens; the server that issues them must survive that. One address has half of these at the
 * most.
 */
const mostAtOnce = 200;

/** The credentials and address of an entry that looks tokens up; undefined for one that does not. */
export function introspectionOf({
  introspectionEndpoint: endpoint,
  clientId,
  clientSecret,
}: BearerConfig): IntrospectionEndpoint | undefined {
  if (endpoint === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return { endpoint, clientId, clientSecret };
}

export interface IntrospectorNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  keep: Keep;
  limits: TokenLimits;
  /** Gives the text of a file that the configuration names. */
  read: ReadFile;
}

/** Looks tokens up at the endpoint of an issuer; entries of one endpoint and client share their circuit. */
export function openIntrospector(
  config: BearerConfig,
  place: IntrospectionEndpoint,
  http: ProviderHttp,
  { emit, clock, random, keep, limits, standing }: IntrospectorNeeds & { standing: Standing },
): Introspector {
  const name = new URL(place.endpoint).host;
  const heard = standing.hear(reportRejection(emit, name, config, { clock, place: 'bearer[]' }));
  const client = connectIntrospection(config, place, http.fetch, heard);
  const key = naturalKey(place.endpoint, place.clientId, http.trust);
  // One client's trouble stays its own: what opens it are failures that several networks meet.
  const circuit = keep('introspection circuit', key, () => createCircuit({ clock, random }));
  const share = keep('introspection share', key, () => createFairShare(mostAtOnce, clock));
  const tolerance = config.clockTolerance / 1000;
  return {
    issuer: config.issuer,
    async introspect(token, address) {
      limits.asked(address);
      const answer = await ask({ client, circuit, share }, token, address);
      return read(answer, { issuer: config.issuer, seconds: clock.now() / 1000, tolerance });
    },
  };
}

interface Asked {
  client: Pick<ResourceVerbs, 'introspect'>;
  circuit: Circuit;
  share: FairShare;
}

async function ask(
  { client, circuit, share }: Asked,
  token: string,
  address: string,
): Promise<Introspection> {
  const done = share.take(address);
  if (!done) throw unavailable(1, new Error('too many introspections'));
  let wasUnknown = false;
  const who = networkOf(address);
  try {
    const wait = circuit.blockedFor(who);
    if (wait > 0) throw unavailable(wait, new Error('the introspection endpoint is out'));
    // The answer to a wrong client, a wrong address or an outage says nothing of the token.
    const answer = await client.introspect(token);
    circuit.succeeded(who);
    wasUnknown = !answer.active;
    return answer;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw failed(circuit, who, error);
  } finally {
    done(wasUnknown);
  }
}

/** What it says of everybody counts for everybody; what it says of one token, for that one. */
function failed(circuit: Circuit, who: string, error: unknown): GatewayError {
  const verdict = judgeError(error);
  if (verdict.kind === 'unavailable') {
    circuit.failed(who, verdict.retryAfter);
    return unavailable(1, error);
  }
  circuit.ended(who);
  if (verdict.kind !== 'client-rejected') return unavailable(1, error);
  return new GatewayError('client_rejected', { retryAfter: 30, cause: error });
}

/** Throws TokenRejected. */
function read(
  { active, ...claims }: Introspection,
  { issuer, seconds, tolerance }: { issuer: string | undefined; seconds: number; tolerance: number },
): VerifiedToken {
  if (!active) throw new TokenRejected('The token is not active');
  const { exp, nbf, iss, sub, aud, client_id: clientId, token_type: type } = claims;
  if (![exp, nbf].every((time) => time === undefined || Number.isFinite(time)))
    throw new TokenRejected('The times of the token are malformed');
  if (exp !== undefined && exp <= seconds - tolerance) throw new TokenRejected('The token has expired');
  if (nbf !== undefined && nbf > seconds + tolerance) throw new TokenRejected('The token is not valid yet');
  if (issuer !== undefined && iss !== undefined && !isSameIssuer(iss, issuer))
    throw new TokenRejected('The token is of another issuer');
  const isAccessToken = type === undefined || /^(bearer|dpop)$/i.test(String(type));
  if (!isAccessToken || kindOf(claims) !== 'access token')
    throw new TokenRejected('The token is not an access token');
  const audiences = audiencesOf(aud);
  if (!namesNobody(aud) && audiences.length === 0)
    throw new TokenRejected('The audience of the token is malformed');
  return {
    issuer: issuer ?? iss,
    subject: subjectOf(sub, clientId),
    audiences,
    claims,
    expiresAt: exp,
    clientId: typeof clientId === 'string' ? clientId : undefined,
  };
}

/** Hydra says `[]` where others leave the member out. */
const namesNobody = (aud: unknown): boolean =>
  aud === undefined || aud === null || (Array.isArray(aud) && aud.length === 0);

/** A client that acts for itself may have no `sub`; its own name must not be taken for a person's. */
function subjectOf(sub: unknown, clientId: unknown): string {
  if (typeof sub === 'string' && sub !== '') return sub;
  if (typeof clientId === 'string' && clientId !== '') return `client:${clientId}`;
  throw new TokenRejected('The token names no subject');
}

function unavailable(retryAfter: number, cause: unknown): GatewayError {
  return new GatewayError('provider_unavailable', { retryAfter: Math.max(1, retryAfter), cause });
}
