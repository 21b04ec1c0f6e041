import { type Client, createClient } from './client.ts';
import { type GatewayParts, startTestGateway, type TestGateway } from './gateway.ts';
import { logIn } from './log-in.ts';
import { startUpstream, type Upstream, type UpstreamHandler } from './upstream.ts';

/** The part of a tap test that takes things down again. */
export interface Teardown {
  teardown(end: () => unknown): void;
}

export interface Scene {
  gateway: TestGateway;
  client: Client;
}

/**
 * A gateway whose one route is public, in front of an upstream of any kind: for tests of forwarding, where
 * who asks does not matter. Everything ends with the test.
 */
export async function arrangePublic(
  t: Teardown,
  upstream: { url: string },
  route: Record<string, unknown> = {},
): Promise<Scene> {
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public', ...route }];
  return arrangeGateway(t, { config: { routes } });
}

/** A gateway and a client; both end with the test. */
export async function arrangeGateway(t: Teardown, parts: GatewayParts): Promise<Scene> {
  const gateway = await startTestGateway(parts);
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  return { gateway, client };
}

/** An upstream that ends with the test: the echo unless a handler is given. */
export async function arrangeUpstream(
  t: Teardown,
  handler?: UpstreamHandler,
  options?: { forgiving?: boolean },
): Promise<Upstream> {
  const upstream = await startUpstream(handler, options);
  t.teardown(() => upstream.close());
  return upstream;
}

/** A gateway behind which somebody is signed in already, through a real provider. */
export async function arrangeSignedIn(
  t: Teardown,
  parts: GatewayParts,
  person = 'ada',
): Promise<Scene & { provider: import('./provider.ts').TestProvider }> {
  const { startProvider } = await import('./provider.ts');
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const scene = await arrangeGateway(t, { ...parts, provider });
  await logIn(scene.client, scene.gateway.url, person);
  return { ...scene, provider };
}
