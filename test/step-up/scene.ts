import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderOptions, startProvider, type TestProvider } from '../support/provider.ts';
import type { Upstream, UpstreamHandler } from '../support/upstream.ts';

export const silver = 'urn:example:silver';
export const gold = 'urn:example:gold';

export interface StepUpScene {
  provider: TestProvider;
  upstream: Upstream;
  gateway: TestGateway;
  client: Client;
}

export interface StepUpSceneOptions {
  handler?: UpstreamHandler;
  options?: ProviderOptions;
  config?: object;
  /** The audience of access tokens of the provider that clients may bring. */
  bearer?: string;
}

/** A provider that knows two classes of sign-in, and a gateway whose routes ask for what a test wants. */
export async function arrangeStepUp(
  t: Teardown,
  stepUps: Readonly<Record<string, Record<string, unknown>>>,
  { handler, options, config, bearer }: StepUpSceneOptions = {},
): Promise<StepUpScene> {
  const provider = await startProvider({ acrValues: [silver, gold], ...options });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, handler);
  const routes = [
    { path: '/', upstream: upstream.url },
    ...Object.entries(stepUps).map(([path, more]) => ({ path, upstream: upstream.url, ...more })),
  ];
  const gateway = await startTestGateway({
    provider,
    config: {
      ...config,
      routes,
      ...(bearer !== undefined && { bearer: [{ issuer: provider.issuer, audience: bearer }] }),
    },
  });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  return { provider, upstream, gateway, client };
}

/** The authorization request that an answer leads to; throws when it leads elsewhere. */
export function authorizationRequest({ headers }: { headers: { location?: string | undefined } }): URL {
  const url = new URL(headers.location ?? 'nowhere:');
  if (url.searchParams.get('response_type') !== 'code') throw new Error(`no login: ${url}`);
  return url;
}
