import { randomBytes } from 'node:crypto';
import { createKeyRing } from '../../dist/src/session/key-ring.js';
import { open, seal } from '../../dist/src/session/seal.js';
import { createClient } from '../../dist/test/support/client.js';
import { logIn } from '../../dist/test/support/log-in.js';
import { cpuSeconds } from '../machine.mjs';
import { startBenchProvider } from '../parties.mjs';
import { bearerToken, cookieStore, makeAccessToken } from '../subjects/sallyport.mjs';

const atOnce = 8;
/** More than are verified in the time that they are measured for. */
const mostTokens = 2500;

/** Repeats work on a few lines at once for a time; gives how often it was done, and the CPU time of a process. */
async function repeat(pid, seconds, work) {
  const until = performance.now() + seconds * 1000;
  const before = cpuSeconds(pid);
  let count = 0;
  const line = async (index) => {
    while (performance.now() < until) {
      await work(index);
      count++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, index) => line(index)));
  return { perSecond: count / seconds, cpuUs: ((cpuSeconds(pid) - before) / count) * 1e6 };
}

/** Whole logins: authorization request, code, tokens, session. The provider shares the load's core. */
export async function measureLogins(parties, seconds, subject = cookieStore) {
  const target = await subject.start(parties);
  const work = async () => {
    const client = createClient();
    await logIn(client, `http://127.0.0.1:${target.port}`, 'ada', { path: '/1k' });
    client.close();
  };
  await repeat(target.pid, 1, work);
  const figures = await repeat(target.pid, seconds, work);
  await target.stop();
  return figures;
}

/** Requests that each find their access token at its end, so that each asks the provider for a new one. */
export async function measureRefreshes(parties, seconds, subject = cookieStore) {
  // A token of one second is due for its replacement at once.
  const provider = await startBenchProvider({ accessToken: 1 });
  const target = await subject.start({ ...parties, provider });
  const url = `http://127.0.0.1:${target.port}`;
  const clients = Array.from({ length: atOnce }, () => createClient());
  for (const client of clients) await logIn(client, url, 'ada', { path: '/1k' });
  const work = async (index) => {
    const { status, setCookies } = await clients[index].get(`${url}/1k`);
    if (status !== 200 || setCookies.length === 0) throw new Error(`no refresh: ${status}`);
  };
  await repeat(target.pid, 0.5, work);
  const figures = await repeat(target.pid, seconds, work);
  for (const client of clients) client.close();
  await target.stop();
  await provider.stop();
  return figures;
}

/** Requests that each bring an access token for the first time; what is known of a token costs a look-up. */
export async function measureVerifications(parties, seconds) {
  const target = await bearerToken.start(parties);
  const tokens = [];
  while (tokens.length < mostTokens) tokens.push(await makeAccessToken(parties.provider, parties.audience));
  const client = createClient();
  const url = `http://127.0.0.1:${target.port}/1k`;
  const work = async () => {
    const token = tokens.pop();
    if (token === undefined) return;
    const { status } = await client.get(url, { authorization: `Bearer ${token}` });
    if (status !== 200) throw new Error(`a token was answered with ${status}`);
  };
  await repeat(target.pid, 0.3, work);
  const figures = await repeat(target.pid, seconds, work);
  client.close();
  await target.stop();
  return figures;
}

/** Microseconds to seal and to open a session of a size, tokens and all. */
export function measureSeal(bytes) {
  const ring = createKeyRing([Buffer.alloc(32, 1)]);
  // About half of a session is signatures and random identifiers, which do not shrink; the rest does.
  const token = randomBytes(bytes * 0.4).toString('base64url');
  const text = JSON.stringify({ token, claims: { groups: 'staff admins '.repeat(bytes) } }).slice(0, bytes);
  const sealed = seal(text, ring, 'session', 'sallyport');
  return {
    sealUs: timed(() => seal(text, ring, 'session', 'sallyport')),
    openUs: timed(() => open(sealed, ring, 'session', 'sallyport')),
    sealedBytes: sealed.length,
  };
}

function timed(work) {
  // With a few thousand, the first size pays for compiling what the others run too.
  const times = 20_000;
  for (let count = 0; count < times; count++) work();
  const { user, system } = process.cpuUsage();
  for (let count = 0; count < times; count++) work();
  const used = process.cpuUsage();
  return (used.user + used.system - user - system) / times;
}
