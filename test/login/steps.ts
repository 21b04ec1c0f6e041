import { parse } from 'yaml';
import type { Clock } from '../../src/clock.ts';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient, type HttpAnswer, type RequestOptions } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type ProviderOptions, startProvider, type TestProvider } from '../support/provider.ts';
import type { Upstream } from '../support/upstream.ts';

/** Everything that a login touches. */
export interface LoginScene {
  provider: TestProvider;
  upstream: Upstream;
  gateway: TestGateway;
  client: Client;
}

export interface LoginSceneOptions {
  provider?: ProviderOptions;
  /** More of the configuration, on top of the six lines. */
  config?: Record<string, unknown>;
  /** Routes beside the one for everything, made from the address of the application. */
  routes?: (upstream: string) => Record<string, unknown>[];
  /** The time that the gateway goes by (the real one). */
  clock?: Clock;
}

/** A provider, an echo application, the gateway between them and a browser that is not signed in. */
export async function arrangeLogin(
  t: Teardown,
  { provider: options = {}, config = {}, routes = () => [], clock }: LoginSceneOptions = {},
): Promise<LoginScene> {
  const provider = await startProvider(options);
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    provider,
    upstream,
    config: { ...config, routes: routes(upstream.url) },
    clock,
  });
  t.teardown(() => gateway.close());
  return { provider, upstream, gateway, client: anotherBrowser(t) };
}

/** A browser without cookies that ends with the test. */
export function anotherBrowser(t: Teardown): Client {
  const client = createClient();
  t.teardown(() => client.close());
  return client;
}

/** The authorization request that a navigation was answered with (RFC 6749 §4.1.1). */
export interface BegunLogin {
  answer: HttpAnswer;
  authorizationRequest: URL;
  state: string;
}

/** Goes to a page that needs a login and stops at the redirect to the provider. */
export async function beginLogin(
  client: Client,
  gatewayUrl: string,
  path = '/',
  options: RequestOptions = {},
): Promise<BegunLogin> {
  const answer = await client.navigate(gatewayUrl + path, options);
  const { location } = answer.headers;
  if (answer.status !== 302 || location === undefined) {
    throw new Error(`no login began: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  const authorizationRequest = new URL(location);
  return { answer, authorizationRequest, state: authorizationRequest.searchParams.get('state') ?? '' };
}

/**
 * Does at the provider what a person does there, and gives the authorization response: the callback with its
 * parameters, not visited yet. Every URL on the way is added to `visited`.
 */
export async function signInAtProvider(
  client: Client,
  { authorizationRequest }: Pick<BegunLogin, 'authorizationRequest'>,
  person = 'ada',
  visited: string[] = [],
): Promise<URL> {
  let url = authorizationRequest.href;
  for (let step = 0; step < 10; step++) {
    visited.push(url);
    if (/\/oauth2\/callback(\/[a-z-]+)?\?/.test(url)) return new URL(url);
    const page = await client.navigate(url);
    const answer = page.status === 200 ? await sendName(client, url, person) : page;
    const { location } = answer.headers;
    if (location === undefined) throw new Error(`no way on from ${url}: ${answer.status} ${answer.text}`);
    url = new URL(location, url).href;
  }
  throw new Error(`the provider went round in circles: ${visited.join(' ')}`);
}

function sendName(client: Client, url: string, person: string): Promise<HttpAnswer> {
  return client.request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ login: person }).toString(),
  });
}

/** A login up to the authorization response: the browser stands before the callback. */
export async function reachCallback(
  client: Client,
  gatewayUrl: string,
  { path = '/', person = 'ada' } = {},
): Promise<BegunLogin & { callback: URL }> {
  const begun = await beginLogin(client, gatewayUrl, path);
  return { ...begun, callback: await signInAtProvider(client, begun, person) };
}

/** Whether the browser holds a session that opens. */
export async function isSignedIn(client: Client, gatewayUrl: string): Promise<boolean> {
  const { status } = await client.get(`${gatewayUrl}/oauth2/userinfo`);
  if (status !== 200 && status !== 401) throw new Error(`userinfo answered ${status}`);
  return status === 200;
}

/** How often an endpoint of the provider was asked, such as `/token`. */
export const hitsOf = ({ provider }: Pick<LoginScene, 'provider'>, path: string): number =>
  provider.hits.get(path) ?? 0;

/** The secret that a gateway seals with. */
export function secretOf({ yaml }: TestGateway): Buffer {
  const { session } = parse(yaml) as { session: { secret: string } };
  return Buffer.from(session.secret, 'base64');
}
