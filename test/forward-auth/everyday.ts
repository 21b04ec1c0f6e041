import { randomBytes } from 'node:crypto';
import { handshake } from '../attack/handshake.ts';
import { type Client, createClient, type HttpAnswer, navigationHeaders } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';
import type { Echo } from '../support/upstream.ts';
import { type FrontScene, idleSeconds, largeBytes } from './front-scene.ts';
import { keptForOnePerson, keptInPlace } from './kept.ts';

/** Somebody who is signed in, and somebody whose session takes several cookies. */
export interface People {
  grace: Client;
  crowd: Client;
  stranger: Client;
  /** The session cookies of the two, from when they signed in: each answer to them writes them again. */
  early: { grace: string[]; crowd: string[] };
}

/** What a row of the table says: true, or what happened instead. */
type Cell = true | string;
type Row = (scene: FrontScene, people: People) => Promise<Cell>;

const fetched = { accept: 'application/json', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };

const is = (holds: boolean, instead: () => string): Cell => holds || instead();
const told = ({ status, headers }: HttpAnswer) => `${status} ${JSON.stringify(headers)}`;

/** An error of the gateway, as it answers it: status, code, type and headers. */
function isOurs(answer: HttpAnswer, status: number, code: string, headers: Record<string, RegExp>): Cell {
  const holds =
    answer.status === status &&
    answer.headers['x-sallyport-error'] === code &&
    Object.entries(headers).every(([name, value]) => value.test(String(answer.headers[name])));
  return is(holds, () => told(answer));
}

const asPage = {
  'content-type': /^text\/html/,
  'content-security-policy': /default-src 'none'/,
  'cache-control': /no-store/,
};

async function webSocket({ publicUrl, host }: FrontScene, client: Client | undefined): Promise<Cell> {
  const connection = await openRaw(publicUrl);
  const cookie = client?.cookies.headerFor(publicUrl);
  const headers = [`Origin: ${publicUrl}`, ...(cookie === undefined ? [] : [`Cookie: ${cookie}`])];
  connection.write(handshake(host, '/socket', headers));
  const head = await connection.until(/\r\n\r\n/);
  const status = Number(head.split(' ')[1]);
  if (client === undefined) {
    connection.destroy();
    return is(status === 401, () => `${status}`);
  }
  if (status !== 101) return `${status}`;
  connection.write('over the tunnel');
  const echoed = await connection.until('over the tunnel').catch(() => undefined);
  connection.destroy();
  return is(echoed !== undefined, () => 'nothing came back');
}

async function eventStream({ publicUrl, streams }: FrontScene, client: Client): Promise<Cell> {
  const { answer, destroy } = await client.open(`${publicUrl}/events`);
  let text = '';
  answer.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  answer.on('error', () => {});
  try {
    await until('the first event', () => text.includes('first'));
    streams.at(-1)?.write('data: second\n\n');
    await until('the second event', () => text.includes('second'));
    return true;
  } catch (error) {
    return (error as Error).message;
  } finally {
    destroy();
    streams.at(-1)?.end();
  }
}

/** The cookie of the session comes back with an answer of any status, and opens it. */
async function refreshed(scene: FrontScene, cookies: string[], status: number): Promise<Cell> {
  const name = (line: string) => line.slice(0, line.indexOf('='));
  const other = createClient();
  const answer = await other.get(`${scene.publicUrl}/status/${status}`, { cookie: cookies.join('; ') });
  const lines = answer.setCookies;
  const isWhole = cookies.every((cookie) => lines.some((line) => name(line) === name(cookie)));
  const renewed = lines.map((line) => line.slice(0, line.indexOf(';'))).join('; ');
  other.cookies.clear();
  const next = await other.get(`${scene.publicUrl}/report`, { cookie: renewed, ...fetched });
  other.close();
  return is(
    answer.status === status &&
      isWhole &&
      lines.every((line) => /; HttpOnly/i.test(line)) &&
      next.status === 200,
    () => `${answer.status}, ${lines.length} of ${cookies.length} cookies; then ${next.status}`,
  );
}

/** Seconds; Traefik waits for half a minute, and there is no setting for it. */
const mostPatience = 40;

/** Nothing but an error in time, while the gateway says nothing. */
async function refused({ publicUrl, application }: FrontScene, client: Client, path: string): Promise<Cell> {
  const start = performance.now();
  const answer = await client
    .request(publicUrl + path, { headers: { accept: 'text/html' }, timeout: 1000 * mostPatience })
    .catch(() => undefined);
  const seconds = (performance.now() - start) / 1000;
  const passed = application.requests.some(({ url }) => url.startsWith(path));
  const holds = answer !== undefined && answer.status >= 500 && seconds < mostPatience && !passed;
  return is(holds, () => `${answer?.status} after ${seconds.toFixed(1)} s${passed ? ', and it passed' : ''}`);
}

/** What people do every day, in the order in which it is tried: the last rows take the gateway away. */
export const everyday: Readonly<Record<string, Row>> = {
  'a refreshed session with an answer of 200': (scene, { early }) => refreshed(scene, early.grace, 200),
  'with an answer of 404': (scene, { early }) => refreshed(scene, early.grace, 404),
  'with an answer of 500': (scene, { early }) => refreshed(scene, early.grace, 500),
  'a session in several cookies': (scene, { early }) => refreshed(scene, early.crowd, 200),
  'and 20 KB of cookies beside it': async ({ publicUrl }, { early }) => {
    const others = Array.from({ length: 5 }, (_, at) => `c${at}=${'x'.repeat(4000)}`);
    const other = createClient();
    const answer = await other.get(`${publicUrl}/report`, { cookie: [...early.crowd, ...others].join('; ') });
    other.close();
    return is(answer.status === 200, () => told(answer));
  },
  'a refreshed session with an answer that caches may keep: `private`': (scene, { early, stranger }) =>
    keptForOnePerson(scene, early.grace, stranger),
  'in place of `public` and `s-maxage`': (scene, { early }) => keptInPlace(scene, early.grace),
  'a page without a session leads to the login, and back': async ({ publicUrl, provider }) => {
    const client = createClient();
    const login = await client.navigate(`${publicUrl}/report?x=1&y=%20z`, { follow: 1 });
    const last = await logIn(client, publicUrl, 'grace', { path: '/report?x=1&y=%20z' });
    client.close();
    const echo = last.json() as Partial<Echo>;
    return is(login.url.startsWith(provider.issuer) && echo.url === '/report?x=1&y=%20z', () => told(last));
  },
  'so does HEAD': async ({ publicUrl, provider }, { stranger }) => {
    const answer = await stranger.navigate(`${publicUrl}/report`, { method: 'HEAD' });
    const { location = '' } = answer.headers;
    return is(answer.status === 302 && location.startsWith(`${provider.issuer}/auth?`), () => told(answer));
  },
  '`fetch` without a session: 401 as JSON, with its headers': async ({ publicUrl }, { stranger }) => {
    const answer = await stranger.get(`${publicUrl}/report`, fetched);
    const ours = isOurs(answer, 401, 'not_signed_in', {
      'content-type': /^application\/problem\+json/,
      'www-authenticate': /^Bearer/,
      'cache-control': /no-store/,
    });
    if (ours !== true) return ours;
    const { loginUrl = '' } = answer.json() as { loginUrl?: string };
    return is(loginUrl.startsWith(`${publicUrl}/oauth2/start?rd=%2Freport`), () => answer.text);
  },
  'an `<img>` without a session begins no login': async ({ publicUrl }, { stranger }) => {
    const headers = { accept: 'image/avif,*/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
    const answer = await stranger.get(`${publicUrl}/picture`, headers);
    return is(answer.status === 401 && answer.setCookies.length === 0, () => told(answer));
  },
  'a form that is posted without a session: our page': async ({ publicUrl }, { stranger }) => {
    const headers = { ...navigationHeaders, 'content-type': 'application/x-www-form-urlencoded' };
    const options = { method: 'POST', headers, body: 'a=1' };
    const answer = await stranger.request(`${publicUrl}/form`, options);
    return isOurs(answer, 401, 'not_signed_in', asPage);
  },
  'a form that is posted with one arrives': async ({ publicUrl }, { grace }) => {
    const answer = await grace.request(`${publicUrl}/form`, { method: 'POST', body: 'a=1' });
    if (answer.status !== 200) return told(answer);
    const { method, body } = answer.json() as Echo;
    return is(method === 'POST' && body.length === 3, () => answer.text);
  },
  WebSocket: (scene, { grace }) => webSocket(scene, grace),
  'WebSocket without a session: 401': (scene) => webSocket(scene, undefined),
  'an event stream, live': (scene, { grace }) => eventStream(scene, grace),
  '20 MB up': async ({ publicUrl }, { grace }) => {
    const body = randomBytes(largeBytes);
    const answer = await grace.request(`${publicUrl}/upload`, { method: 'POST', body });
    if (answer.status !== 200) return told(answer);
    return is((answer.json() as Echo).body.length === largeBytes, () => answer.text.slice(0, 200));
  },
  '20 MB down': async ({ publicUrl }, { grace }) => {
    const answer = await grace.get(`${publicUrl}/large`);
    return is(answer.status === 200 && answer.body.length === largeBytes, () => told(answer));
  },
  'not allowed: our page, 403': async ({ publicUrl }, { grace }) =>
    isOurs(await grace.navigate(`${publicUrl}/admins`), 403, 'not_allowed', asPage),
  'a path of two readings: our page, 400': async ({ publicUrl }, { grace }) =>
    isOurs(await grace.navigate(`${publicUrl}/open/..%2fadmins`), 400, 'ambiguous_path', asPage),
  'an unknown host: our page, 421': async ({ publicUrl }, { grace }) =>
    isOurs(
      await grace.navigate(`${publicUrl}/report`, { headers: { host: 'unknown.example' } }),
      421,
      'unknown_host',
      asPage,
    ),
  'the provider is out: our page, 503, with Retry-After': async ({ publicUrl }, { stranger }) =>
    isOurs(await stranger.navigate(`${publicUrl}/away`), 503, 'provider_unavailable', {
      ...asPage,
      'retry-after': /^\d+$/,
    }),
  'the gateway hangs: an error in time, and nothing passes': (scene, { grace }) => {
    scene.relay.hang();
    return refused(scene, grace, '/open/hung');
  },
  'the gateway is down: an error, and nothing passes': async (scene, { grace }) => {
    await scene.relay.cut();
    return refused(scene, grace, '/open/down');
  },
};

/** Signs people in; their cookies are due to be written again then. */
export async function signIn({ publicUrl, clock }: FrontScene): Promise<People> {
  const grace = createClient();
  const crowd = createClient();
  await logIn(grace, publicUrl, 'grace', { path: '/report' });
  await logIn(crowd, publicUrl, 'crowd', { path: '/report' });
  const sessionOf = (client: Client) =>
    client.cookies
      .all()
      .filter((cookie) => /^sallyport(\.\d)?$/.test(cookie.name))
      .map(({ name, value }) => `${name}=${value}`);
  const early = { grace: sessionOf(grace), crowd: sessionOf(crowd) };
  if (early.crowd.length < 2) throw new Error('the session of many groups fits into one cookie');
  clock.wind(idleSeconds * 100 + 200);
  return { grace, crowd, stranger: createClient(), early };
}

/** Tries every row. */
export async function tryEveryday(scene: FrontScene, people: People): Promise<Record<string, Cell>> {
  const cells: Record<string, Cell> = {};
  for (const [name, row] of Object.entries(everyday)) {
    people.stranger.cookies.clear();
    cells[name] = await row(scene, people).catch((error: Error) => error.message);
  }
  return cells;
}
