import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock } from '../../src/clock.ts';
import { parseCookies } from '../../src/session/cookies.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { createOpenedCookies } from '../../src/session/opened-cookies.ts';
import type { Session } from '../../src/session/session.ts';
import { createCookieStore } from '../../src/session/stores/cookie-store.ts';
import { createCookieWriter } from '../../src/session/stores/cookie-writer.ts';
import { secretOf } from '../login/steps.ts';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { unobserved } from '../support/observe.ts';
import { startProvider } from '../support/provider.ts';
import type { Upstream } from '../support/upstream.ts';

export type HeaderMap = Readonly<Record<string, string | null>>;

const inTenMinutes = () => new Date(Date.now() + 600_000).toUTCString();

/** What applications say of caching. */
export const applicationSays: Readonly<Record<string, HeaderMap>> = {
  nothing: {},
  public: { 'Cache-Control': 'public, max-age=600' },
  'max-age': { 'Cache-Control': 'max-age=600' },
  's-maxage': { 'Cache-Control': 's-maxage=600' },
  private: { 'Cache-Control': 'private' },
  'no-store': { 'Cache-Control': 'no-store' },
  'private for a header': { 'Cache-Control': 'max-age=600, private="x-name"' },
  'no-cache for cookies': { 'Cache-Control': 'public, max-age=600, no-cache="set-cookie"' },
  'private and public': { 'Cache-Control': 'private, public, s-maxage=600' },
  Expires: { Expires: inTenMinutes() },
  'X-Accel-Expires': { 'Cache-Control': 'private', 'X-Accel-Expires': '600' },
  'Surrogate-Control': { 'Cache-Control': 'private', 'Surrogate-Control': 'max-age=600' },
  'CDN-Cache-Control': { 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'public, max-age=600' },
  'another target': { 'Cache-Control': 'no-cache', 'Fastest-Cache-Control': 'max-age=600' },
  'Edge-Control': { 'Cache-Control': 'private', 'Edge-Control': '!no-store, max-age=10m' },
  Pragma: { Pragma: 'public', 'Last-Modified': new Date(0).toUTCString() },
};

/** What `responseHeaders` of a route say of it. */
export const routeSays: Readonly<Record<string, HeaderMap>> = {
  nothing: {},
  'a year': { 'Cache-Control': 'public, max-age=31536000, immutable' },
  'not the application’s': { 'Cache-Control': null },
  'CDN-Cache-Control': { 'CDN-Cache-Control': 'max-age=600' },
  'Surrogate-Control': { 'surrogate-control': 'max-age=600' },
  'X-Accel-Expires': { 'X-Accel-Expires': '600' },
  Expires: { Expires: inTenMinutes() },
};

const withoutIdentity = {
  Authorization: null,
  'X-Forwarded-User': null,
  'X-Forwarded-Email': null,
  'X-Forwarded-Preferred-Username': null,
  'X-Forwarded-Groups': null,
};

/** The kinds of routes, by who may pass and what the application learns. */
export const routeKinds: Readonly<Record<string, Record<string, unknown>>> = {
  closed: { allow: 'signed-in' },
  passed: { allow: 'signed-in', unauthenticated: 'pass' },
  public: { allow: 'public' },
  assets: { allow: 'public', headers: withoutIdentity },
  // Those who mean it: the page is anybody's, the session is not.
  shared: { allow: 'signed-in', sharedCache: true, headers: withoutIdentity },
};

/** How old the session is that comes along. */
export const ages = ['fresh', 'last use to be noted', 'refresh due'] as const;
export type Age = (typeof ages)[number] | 'last use long ago';

export interface CacheScene {
  gateway: TestGateway;
  upstream: Upstream;
  /** Where a route of this kind is. */
  path(kind: string, says: string): string;
  /** The Cookie header of somebody whose name is `ada`. */
  cookieOf(age: Age): string;
}

const slug = (text: string) => text.replace(/\W/g, '-');

/** A gateway with routes of all kinds, in front of an application that says what it is asked to say. */
export async function arrangeCacheScene(t: Teardown): Promise<CacheScene> {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, answer);
  const path = (kind: string, says: string) => `/${slug(kind)}/${slug(says)}`;
  const routes = Object.entries(routeKinds).flatMap(([kind, route]) =>
    Object.entries(routeSays).map(([says, responseHeaders]) => ({
      path: path(kind, says),
      upstream: upstream.url,
      ...route,
      responseHeaders,
    })),
  );
  const gateway = await startTestGateway({
    provider,
    config: { routes: [...routes, { path: '/', upstream: upstream.url }] },
  });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  const cookie = client.cookies.headerFor(`${gateway.url}/`) ?? '';
  const cookies = new Map<Age, string>();
  const cookieOf = (age: Age) => {
    const made = cookies.get(age) ?? aged(gateway, cookie, age);
    cookies.set(age, made);
    return made;
  };
  return { gateway, upstream, path, cookieOf };
}

/** `GET /…?says=NAME`: a page that names its person, and may be asked for again by its ETag. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { searchParams } = new URL(request.url ?? '/', 'http://application');
  const headers = applicationSays[searchParams.get('says') ?? ''] ?? {};
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value ?? '');
  // For the tests of what is asked for again: so long that the first is over when they begin.
  const age = searchParams.get('age');
  if (age !== null) response.setHeader('Cache-Control', `public, max-age=${age}`);
  if (searchParams.has('own')) response.setHeader('Set-Cookie', 'own=1');
  response.setHeader('ETag', '"1"');
  if (request.headers['if-none-match'] === '"1"') {
    response.writeHead(304).end();
    return;
  }
  const person = [request.headers['x-forwarded-user'] ?? 'nobody'].flat().join();
  response.end(`This is the page of ${person}.`);
}

/** The session of a Cookie header as it will be after some time. */
function aged(gateway: TestGateway, cookie: string, age: Age): string {
  if (age === 'fresh') return cookie;
  const options = { name: 'sallyport', maxBytes: 16_384, persistent: false };
  const writer = createCookieWriter({ ...options, attributes }, systemClock);
  const ring = createKeyRing([secretOf(gateway)]);
  const store = createCookieStore(writer, ring, createOpenedCookies(options.name), unobserved.emit);
  const found = store.read(parseCookies(cookie)) as { session: Session };
  const now = Math.floor(Date.now() / 1000);
  const changes = {
    'refresh due': { refreshAt: now - 1 },
    'last use to be noted': { seenAt: now - 120 },
    // More than half of session.idleTimeout (1h).
    'last use long ago': { seenAt: now - 2400 },
  };
  const lines = store.create({ ...found.session, ...changes[age] }, []) as string[];
  return lines.map((line) => line.slice(0, line.indexOf(';'))).join('; ');
}

const attributes = { path: '/', domain: undefined, secure: false, sameSite: 'lax' } as const;
