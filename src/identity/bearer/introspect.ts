import {
  allowInsecureRequests,
  ClientSecretPost,
  Configuration,
  customFetch,
  type IntrospectionResponse,
  tokenIntrospection,
} from 'openid-client';
import type { BearerConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import { createCircuit } from '../provider/circuit.ts';
import { clientSecretBasic } from '../provider/client-secret-basic.ts';
import { readAnswers } from '../provider/endpoint-answers.ts';
import type { EndpointError } from '../provider/endpoint-error.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { isLoopback } from '../provider/loopback.ts';
import { reportRejection } from '../provider/rejection.ts';
import { judgeError } from '../provider/verdict.ts';
import { createFairShare, networkOf } from './fair-share.ts';
import { TokenRejected } from './rejected.ts';
import { audiencesOf, isOtherKind, type VerifiedToken } from './token.ts';

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

export interface IntrospectionEndpoint {
  endpoint: string;
  clientId: string;
  clientSecret: string;
}

/** The credentials and address of an entry that looks tokens up; undefined for one that does not. */
export function introspectionOf({
  introspectionEndpoint: endpoint,
  clientId,
  clientSecret,
}: BearerConfig): IntrospectionEndpoint | undefined {
  if (endpoint === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return { endpoint, clientId, clientSecret };
}

export function createIntrospector(
  config: BearerConfig,
  place: IntrospectionEndpoint,
  http: ProviderHttp,
  log?: Logger,
  now: () => number = Date.now,
): Introspector {
  const client = createClient(
    config,
    place,
    http,
    log && reportRejection(log, new URL(place.endpoint).host, config, 'bearer[]'),
  );
  // One client's trouble stays its own: what opens it are failures that several networks meet.
  const circuit = createCircuit();
  const share = createFairShare(mostAtOnce);
  const tolerance = config.clockTolerance / 1000;

  const ask = async (token: string, address: string): Promise<IntrospectionResponse> => {
    const done = share.take(address);
    if (!done) throw unavailable(1, new Error('too many introspections'));
    let wasUnknown = false;
    const who = networkOf(address);
    try {
      const wait = circuit.blockedFor(who);
      if (wait > 0) throw unavailable(wait, new Error('the introspection endpoint is out'));
      // The answer to a wrong client, a wrong address or an outage says nothing of the token.
      const answer = await tokenIntrospection(client, token, { token_type_hint: 'access_token' });
      circuit.succeeded(who);
      wasUnknown = !answer.active;
      return answer;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw failed(who, error);
    } finally {
      done(wasUnknown);
    }
  };

  /** What it says of everybody counts for everybody; what it says of one token, for that one. */
  const failed = (who: string, error: unknown): GatewayError => {
    const verdict = judgeError(error);
    if (verdict.kind === 'unavailable') {
      circuit.failed(who, verdict.retryAfter);
      return unavailable(1, error);
    }
    circuit.ended(who);
    if (verdict.kind !== 'client-rejected') return unavailable(1, error);
    return new GatewayError('client_rejected', { retryAfter: 30, cause: error });
  };

  return {
    issuer: config.issuer,
    async introspect(token, address) {
      const { active, ...claims } = await ask(token, address);
      if (!active) throw new TokenRejected('The token is not active');
      const seconds = now() / 1000;
      const { exp, nbf, iss, sub, aud, client_id: clientId, token_type: type } = claims;
      if (![exp, nbf].every((time) => time === undefined || Number.isFinite(time)))
        throw new TokenRejected('The times of the token are malformed');
      if (exp !== undefined && exp <= seconds - tolerance) throw new TokenRejected('The token has expired');
      if (nbf !== undefined && nbf > seconds + tolerance)
        throw new TokenRejected('The token is not valid yet');
      if (config.issuer !== undefined && iss !== undefined && iss !== config.issuer)
        throw new TokenRejected('The token is of another issuer');
      const isAccessToken = type === undefined || /^(bearer|dpop)$/i.test(String(type));
      if (!isAccessToken || isOtherKind(claims)) throw new TokenRejected('The token is no access token');
      const audiences = audiencesOf(aud);
      if (aud !== undefined && audiences.length === 0)
        throw new TokenRejected('The audience of the token is malformed');
      return {
        issuer: iss ?? config.issuer,
        subject: subjectOf(sub, clientId),
        audiences,
        claims,
        expiresAt: exp,
      };
    },
  };
}

/** A client that acts for itself may have no `sub`; its own name must not be taken for a person's. */
function subjectOf(sub: unknown, clientId: unknown): string {
  if (typeof sub === 'string' && sub !== '') return sub;
  if (typeof clientId === 'string' && clientId !== '') return `client:${clientId}`;
  throw new TokenRejected('The token names no subject');
}

function unavailable(retryAfter: number, cause: unknown): GatewayError {
  return new GatewayError('provider_unavailable', { retryAfter: Math.max(1, retryAfter), cause });
}

function createClient(
  { issuer, clientAuth, timeout, insecureHttp }: BearerConfig,
  { endpoint, clientId, clientSecret }: IntrospectionEndpoint,
  { fetch }: ProviderHttp,
  onRejected: ((error: EndpointError) => void) | undefined,
): Configuration {
  const authenticate =
    clientAuth === 'client_secret_post' ? ClientSecretPost(clientSecret) : clientSecretBasic(clientSecret);
  const server = { issuer: issuer ?? new URL(endpoint).origin, introspection_endpoint: endpoint };
  const client = new Configuration(server, clientId, {}, authenticate);
  client[customFetch] = readAnswers(fetch, { token: [], others: [endpoint], type: 'oauth2', onRejected });
  client.timeout = timeout / 1000;
  if (insecureHttp || isLoopback(new URL(endpoint))) allowInsecureRequests(client);
  return client;
}
