import { type Test, test } from 'tap';
import { anotherBrowser, reachCallback, signInAtProvider } from '../login/steps.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

interface Ended {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  setCookies: readonly string[];
}

/** How many of these answers began a session, and how many began the login anew. */
function tally(answers: readonly Ended[]) {
  const isBegun = ({ setCookies }: Ended) => setCookies.some((line) => /^sallyport(\.\d+)?=[^;]/.test(line));
  const isAgain = (answer: Ended) =>
    !isBegun(answer) && answer.status === 302 && String(answer.headers.location).includes('code_challenge=');
  return { began: answers.filter(isBegun).length, again: answers.filter(isAgain).length };
}

/** Two instances behind one address, as far as cookies and redirect URIs are concerned. */
async function arrangeInstances(t: Test) {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const publicUrl = `http://127.0.0.1:${await freePort()}`;
  const session = { secret: Buffer.alloc(32, 7).toString('base64'), redis: { url: redis.url } };
  const start = async () => {
    const gateway = await startTestGateway({
      provider,
      upstream,
      awaitProvider: false,
      config: { publicUrl, session },
    });
    t.teardown(() => gateway.close());
    await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
    return gateway;
  };
  const [first, second] = [await start(), await start()];
  const host = new URL(publicUrl).host;
  return { redis, provider, publicUrl, host, first, second };
}

test('a login that came back counts in one of two instances', async (t) => {
  const { provider, publicUrl, host, first, second } = await arrangeInstances(t);
  for (let round = 0; round < 3; round++) {
    const client = anotherBrowser(t);
    const begun = await client.navigate(`${first.url}/`, { headers: { host } });
    t.equal(begun.status, 302);
    const cookie = begun.setCookies.map((line) => line.split(';')[0]).join('; ');
    const authorizationRequest = new URL(begun.headers.location ?? '');
    const { search } = await signInAtProvider(anotherBrowser(t), { authorizationRequest });
    const tokenRequests = provider.hits.get('/token') ?? 0;
    // A browser without a jar: both get the login's cookie.
    const ask = (gateway: { url: string }) =>
      anotherBrowser(t).navigate(`${gateway.url}/oauth2/callback${search}`, { headers: { host, cookie } });
    const answers = await Promise.all([first, second, first, second].map(ask));
    t.same(tally(answers), { began: 1, again: 3 }, publicUrl);
    t.same(tally([await ask(second)]), { began: 0, again: 1 }, 'nor later');
    t.equal((provider.hits.get('/token') ?? 0) - tokenRequests, 1, 'one code is sent once');
  }
});

test('while Redis is out a login gets 503, its code is not sent, and the same answer may come again', async (t) => {
  const { redis, provider, host, first } = await arrangeInstances(t);
  const client = anotherBrowser(t);
  const begun = await client.navigate(`${first.url}/`, { headers: { host } });
  const authorizationRequest = new URL(begun.headers.location ?? '');
  const { search } = await signInAtProvider(anotherBrowser(t), { authorizationRequest });
  const callback = `${first.url}/oauth2/callback${search}`;
  await redis.kill();
  const refused = await client.navigate(callback, { headers: { host } });
  t.equal(refused.status, 503);
  t.equal(refused.headers['x-sallyport-error'], 'store_unavailable');
  t.ok(Number(refused.headers['retry-after']) >= 1);
  t.same(refused.setCookies, [], 'the cookie of the login stays');
  t.equal(provider.hits.get('/token'), undefined);
  await redis.restart();
  const again = () => client.navigate(callback, { headers: { host } });
  const ended = await until('Redis', async () => {
    const answer = await again();
    return answer.status === 503 ? undefined : answer;
  });
  t.equal(ended.status, 302, ended.text);
});

test('a login that came back counts in one of the workers', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({ provider, upstream, config: { workers: 3 } });
  t.teardown(() => gateway.stop());
  const { callback, answer } = await reachCallback(anotherBrowser(t), gateway.url);
  const cookie = answer.setCookies.map((line) => line.split(';')[0]).join('; ');
  // A connection each, so that every worker is asked.
  const ask = () => anotherBrowser(t).navigate(callback.href, { headers: { cookie } });
  const answers = await Promise.all(Array.from({ length: 12 }, ask));
  t.same(tally(answers), { began: 1, again: 11 });
  t.equal(provider.hits.get('/token'), 1, 'one code is sent once');
});
