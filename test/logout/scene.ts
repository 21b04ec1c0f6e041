import { randomBytes } from 'node:crypto';
import type { Teardown } from '../support/arrange.ts';
import { type Client, createClient, type HttpAnswer, navigationHeaders } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderOptions, startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

/** Starts a provider whose one client is told of sign-outs. */
export async function startLogoutProvider(t: Teardown, options: ProviderOptions = {}): Promise<TestProvider> {
  const provider = await startProvider({
    ...options,
    clients: [
      {
        client_id: 'app',
        client_secret: randomBytes(24).toString('base64url'),
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
        backchannel_logout_uri: 'http://127.0.0.1:1/oauth2/backchannel-logout',
        backchannel_logout_session_required: true,
      },
    ],
  });
  t.teardown(() => provider.stop());
  return provider;
}

/**
 * Registers the gateway's endpoint for logout tokens; a gateway learns its port late.
 * @param by what the tokens name: the sign-in and the person, or the person alone
 */
export async function sendLogoutTokensTo(
  { provider, clientId }: TestProvider,
  gatewayUrl: string,
  by: 'sid' | 'sub' = 'sid',
): Promise<void> {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error('the provider does not know its client');
  Object.assign(client, {
    backchannelLogoutUri: `${gatewayUrl}/oauth2/backchannel-logout`,
    backchannelLogoutSessionRequired: by === 'sid',
  });
}

/** Somebody with a browser of their own. */
export interface Visitor {
  client: Client;
  /** The Cookie header with the session alone, as a thief might have copied it. */
  copiedCookie(): string;
}

/** Signs somebody in with a browser of their own, which closes with the test. */
export async function signIn(t: Teardown, gatewayUrl: string, person: string): Promise<Visitor> {
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gatewayUrl, person);
  return { client, copiedCookie: () => sessionCookies(client) };
}

function sessionCookies({ cookies }: Client): string {
  return cookies
    .all()
    .filter(({ name }) => /^sallyport(\.\d+)?$/.test(name))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
}

/** Signs out at the provider itself, as somebody does who uses another of its applications. */
export async function endAtProvider({ client }: Visitor, issuer: string): Promise<HttpAnswer> {
  const page = await client.navigate(`${issuer}/session/end`);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  return client.request(`${issuer}/session/end/confirm`, {
    method: 'POST',
    headers: { ...navigationHeaders, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    follow: 5,
  });
}

/** The statuses that a cookie gets, each time on a connection of its own, so that every worker is asked. */
export async function statusesOf(gatewayUrl: string, cookie: string, times = 12): Promise<number[]> {
  const ask = async () => {
    const client = createClient();
    try {
      return (await client.get(`${gatewayUrl}/`, { cookie })).status;
    } finally {
      client.close();
    }
  };
  const statuses: number[] = [];
  for (let at = 0; at < times; at++) statuses.push(await ask());
  return statuses;
}

/** Waits until a cookie opens nothing any more, in any worker. */
export async function refused(gatewayUrl: string, cookie: string): Promise<true> {
  return until('the end of the session', async () => {
    const statuses = await statusesOf(gatewayUrl, cookie, 8);
    return statuses.every((status) => status === 401);
  });
}

/** One status, as often as it was asked for. */
export const always = (status: number, times = 12): number[] => Array.from({ length: times }, () => status);
