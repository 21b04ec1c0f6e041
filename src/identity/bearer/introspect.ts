import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  type IntrospectionResponse,
  tokenIntrospection,
} from 'openid-client';
import type { BearerConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { createCircuit } from '../provider/circuit.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { isLoopback } from '../provider/loopback.ts';
import { TokenRejected } from './rejected.ts';
import { audiencesOf, isOtherKind, type VerifiedToken } from './token.ts';

/** Looks opaque tokens up at the server that issued them (RFC 7662). */
export interface Introspector {
  /** The issuer that tokens must name, where it is configured. */
  issuer: string | undefined;
  /**
   * Every check but those of audience and binding, which depend on the request. Rejects with TokenRejected for a
   * token that is not active or fails a check, with GatewayError 503 while nothing is known of it.
   */
  introspect(token: string): Promise<VerifiedToken>;
}

/** Anybody can send random tokens; the server that issues them must survive that. */
const mostAtOnce = 100;

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
  now: () => number = Date.now,
): Introspector {
  const client = createClient(config, place, http);
  const circuit = createCircuit(now);
  const tolerance = config.clockTolerance / 1000;
  let running = 0;

  const ask = async (token: string): Promise<IntrospectionResponse> => {
    const wait = circuit.blockedFor();
    if (wait > 0 || running >= mostAtOnce) throw unavailable(wait, new Error('too many introspections'));
    running += 1;
    try {
      // The answer to a wrong client, a wrong address or an outage says nothing of the token.
      const answer = await tokenIntrospection(client, token, { token_type_hint: 'access_token' });
      circuit.succeeded();
      return answer;
    } catch (error) {
      circuit.failed(undefined);
      throw unavailable(1, error);
    } finally {
      running -= 1;
    }
  };

  return {
    issuer: config.issuer,
    async introspect(token) {
      const { active, ...claims } = await ask(token);
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
): Configuration {
  const authenticate =
    clientAuth === 'client_secret_post' ? ClientSecretPost(clientSecret) : ClientSecretBasic(clientSecret);
  const server = { issuer: issuer ?? new URL(endpoint).origin, introspection_endpoint: endpoint };
  const client = new Configuration(server, clientId, {}, authenticate);
  client[customFetch] = fetch;
  client.timeout = timeout / 1000;
  if (insecureHttp || isLoopback(new URL(endpoint))) allowInsecureRequests(client);
  return client;
}
