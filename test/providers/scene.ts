import { joinChunks, parseCookies } from '../../src/session/cookies.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { open } from '../../src/session/seal.ts';
import { decodeSession, type Session } from '../../src/session/session.ts';
import { secretOf } from '../login/steps.ts';
import type { Teardown } from '../support/arrange.ts';
import { type Client, createClient, type HttpAnswer, navigationHeaders } from '../support/client.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Echo, startUpstream, type Upstream, valuesOf } from '../support/upstream.ts';
import type { RealProvider } from './kit.ts';

/** One gateway in front of an application, with the provider that is tried. */
export interface Scene {
  provider: RealProvider;
  gateway: TestGateway;
  clock: WoundClock;
  upstream: Upstream;
  /** How often the token endpoint was asked. */
  tokenCalls(): number;
}

/** Starts a gateway at the origin that the provider knows. Everything ends with the flow. */
export async function arrange(
  t: Teardown,
  provider: RealProvider,
  origin: string,
  config: Record<string, unknown> = {},
): Promise<Scene> {
  const clock = createWoundClock();
  const upstream = await startUpstream();
  t.teardown(() => upstream.close());
  let calls = 0;
  const { provider: over = {}, ...rest } = config;
  const gateway = await startTestGateway({
    upstream,
    clock,
    sinks: [
      () => ({
        name: 'calls',
        take(event) {
          if (event.kind === 'provider-called' && event.endpoint === 'token') calls++;
        },
      }),
    ],
    config: {
      publicUrl: origin,
      listen: new URL(origin).host,
      headers: { 'X-Mail': '{email}' },
      routes: [
        { path: '/', upstream: upstream.url },
        { path: '/public', upstream: upstream.url, allow: 'public' },
      ],
      ...rest,
      upstream: undefined,
      provider: { ...provider.settings, ...(over as object) },
    },
  });
  t.teardown(() => gateway.close());
  return { provider, gateway, clock, upstream, tokenCalls: () => calls };
}

/** A browser that ends with the flow. */
export function browserOf(t: Teardown): Client {
  const client = createClient({ trustsLoopback: true });
  t.teardown(() => client.close());
  return client;
}

/** So many pages may stand between the gateway and the way back: a sign-in, a consent, a confirmation. */
const mostPages = 6;

/** Goes somewhere at the gateway, and through the pages of the provider until it is back; gives the answer there. */
export async function walk({ provider, gateway }: Scene, client: Client, path = '/'): Promise<HttpAnswer> {
  let page = await client.request(gateway.url + path, {
    headers: { ...navigationHeaders, 'sec-fetch-site': 'same-origin' },
    follow: 10,
  });
  for (let pages = 0; !page.url.startsWith(`${gateway.url}/`); pages++) {
    if (pages === mostPages) throw new Error(`no way back from ${page.url}: ${page.status} ${plain(page)}`);
    page = await provider.goOn(client, page);
  }
  return page;
}

const plain = ({ text }: HttpAnswer) =>
  text.replace(/<(style|script).*?<\/\1>|<[^>]*>|\s+/gs, ' ').slice(0, 600);

/** Signs in; throws where the application does not know the person then. */
export async function signIn(scene: Scene, client: Client): Promise<void> {
  const answer = await walk(scene, client);
  if (answer.status !== 200) {
    const reasons = scene.gateway.log.lines.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
    throw new Error(`the login ended with ${answer.status}: ${reasons.at(-1) ?? plain(answer)}`);
  }
  const { mail } = await asked(scene, client);
  if (mail !== scene.provider.email) throw new Error(`the application was told ${mail}`);
}

/** What the application is told, where somebody is let through. */
export async function asked({ gateway }: Scene, client: Client) {
  const answer = await client.get(`${gateway.url}/`);
  if (answer.status !== 200) return { status: answer.status, setCookies: answer.setCookies };
  const { rawHeaders } = answer.json() as Echo;
  const accessToken = valuesOf(rawHeaders, 'authorization')[0]?.replace(/^Bearer /, '');
  return { status: 200, mail: valuesOf(rawHeaders, 'x-mail')[0], accessToken, setCookies: answer.setCookies };
}

/** The session of a browser, as the gateway sealed it. */
export function sessionOf({ gateway }: Scene, { cookies }: Client): Session {
  const ring = createKeyRing([secretOf(gateway)]);
  for (const value of joinChunks('sallyport', parseCookies(cookies.headerFor(gateway.url)))) {
    const session = decodeSession(open(value, ring, 'session', 'sallyport')?.text ?? '');
    if (session) return session;
  }
  throw new Error('the browser has no session');
}

/** The gateway takes the access token for over. */
export function expire({ clock, provider }: Scene): void {
  clock.wind((provider.accessTokenSeconds + 1) * 1000);
}
