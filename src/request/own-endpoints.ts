import { GatewayError } from '../errors.ts';
import type { KeySet } from '../forward/assertion.ts';
import type { Endpoint } from '../identity/endpoints.ts';
import { type Answer, jsonAnswer } from '../pages/answer.ts';
import { text } from '../pages/texts/text.ts';
import { healthName } from '../routes/resolve.ts';
import { metadataKey } from '../routes/resources.ts';
import { arrived, type Exchange } from './exchange.ts';
import { browserRequestOf } from './logins.ts';
import type { Outcome, Stage } from './outcome.ts';

/** What the gateway publishes beside the endpoints of logins. */
export interface PublishedThings {
  prefix: string;
  /** The metadata of the resources that routes name, by its place. */
  resources: ReadonlyMap<string, Record<string, unknown>>;
  /** The public keys of the signed assertion; undefined where no route has one. */
  keySet: (() => KeySet) | undefined;
  /** Whether requests should be sent here. */
  isReady(): boolean;
}

/** What the gateway answers itself, by method and place. */
export interface OwnEndpoints {
  /** Undefined where there is nothing of that method. */
  endpointOf(exchange: Exchange): Endpoint | undefined;
  /** Whether there is something. */
  takes(exchange: Exchange): boolean;
}

/** Finds endpoints by method and path in a table that is made once. */
export function compileEndpoints(
  endpoints: readonly Endpoint[],
  { prefix, resources, keySet, isReady }: PublishedThings,
): OwnEndpoints {
  const byPath = new Map<string, Endpoint>();
  const own = [healthEndpoint(isReady), ...(keySet ? [keysEndpoint(keySet)] : [])];
  for (const endpoint of [...endpoints, ...own]) {
    const path = `${prefix}/${endpoint.name}`;
    byPath.set(`${endpoint.method} ${path}`, endpoint);
    if (endpoint.head) byPath.set(`HEAD ${path}`, endpoint);
  }
  const byPlace = new Map<string, Endpoint>();
  for (const [place, metadata] of resources) {
    byPlace.set(`GET ${place}`, metadataEndpoint(metadata));
    byPlace.set(`OPTIONS ${place}`, metadataPreflight);
  }
  const endpointOf = (exchange: Exchange) => {
    const { target, resolution } = arrived(exchange);
    if (resolution.kind === 'route') return undefined;
    const { path } = resolution;
    return (
      byPath.get(`${exchange.method} ${path}`) ??
      byPlace.get(`${exchange.method} ${metadataKey(target.hostname, path)}`)
    );
  };
  return { endpointOf, takes: (exchange) => endpointOf(exchange) !== undefined };
}

function published(value: unknown, headers: Answer['headers']): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

/** Whoever balances load knows nothing but the public address. It is told whether, and never why not. */
function healthEndpoint(isReady: () => boolean): Endpoint {
  return {
    method: 'GET',
    name: healthName,
    head: true,
    handle() {
      if (isReady()) return jsonAnswer(200, { status: 'ok' });
      const answer = jsonAnswer(503, { status: 'unavailable' });
      return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } };
    },
  };
}

function keysEndpoint(keySet: () => KeySet): Endpoint {
  const headers = { 'cache-control': 'public, max-age=3600' };
  return { method: 'GET', name: 'jwks', handle: () => published(keySet(), headers) };
}

/** The metadata of a protected resource (RFC 9728 §3), at its well-known place. */
function metadataEndpoint(metadata: Record<string, unknown>): Endpoint {
  // Clients that run in browsers come from any origin, and there is nothing here that is not for everybody.
  const headers = { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' };
  return { method: 'GET', name: '', handle: () => published(metadata, headers) };
}

const metadataPreflight: Endpoint = {
  method: 'OPTIONS',
  name: '',
  handle: () => ({
    status: 204,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': '*',
    },
    body: '',
  }),
};

/** What is the gateway's own is answered by it, and never decided by the rules of a route. */
export function answerEndpoint(prefix: string, endpoints: OwnEndpoints): Stage {
  return ({ exchange, arrival }) => {
    const { resolution, target } = arrived(exchange);
    if (resolution.kind === 'route') return undefined;
    if (arrival.via === 'question') return answerQuestion(prefix, resolution.path, exchange.method);
    const endpoint = arrival.via === 'http' ? endpoints.endpointOf(exchange) : undefined;
    if (!endpoint) throw new GatewayError('unknown_endpoint');
    exchange.endpoint = resolution.path;
    const answer = endpoint.handle({
      browser: browserRequestOf(exchange),
      query: new URLSearchParams(target.query.slice(1)),
      form: new URLSearchParams(arrival.form ?? ''),
      request: { method: exchange.method, headers: exchange.request.headers },
    });
    return answer instanceof Promise ? answer.then(outcomeOf) : outcomeOf(answer);
  };
}

const outcomeOf = (answer: Answer): Outcome => ({ kind: 'answer', reason: "the gateway's own", answer });

const readers: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A proxy sends what is below the prefix to the gateway without asking. Where it asks all the same, a yes would let
 * the request pass to an application, and answers to questions hold tokens. What the gateway publishes outside of its
 * prefix is for everybody, to read and no more. Throws GatewayError 403 and 405.
 */
function answerQuestion(prefix: string, path: string, method: string): Outcome {
  if (path === prefix || path.startsWith(`${prefix}/`)) {
    throw new GatewayError('untrusted_peer', {
      detail: text('detail.below_endpoints', { prefix }),
    });
  }
  if (!readers.has(method)) throw new GatewayError('method_not_allowed', { allow: 'GET' });
  return outcomeOf({ status: 200, headers: {}, body: '' });
}
