import { randomBytes } from 'node:crypto';
import { createClient } from '../../dist/test/support/client.js';
import { startTestGateway } from '../../dist/test/support/gateway.js';
import { logIn } from '../../dist/test/support/log-in.js';

/**
 * Milliseconds from the answer of a sign-out at one instance until another one refuses its cookie, which it knew. Both
 * are asked all the time, as a page that polls does.
 */
export async function measureSignOuts({ provider, redis, upstreamPort }, count) {
  const session = { secret: randomBytes(32).toString('base64'), store: redis.url };
  const routes = [{ path: '/', upstream: `http://127.0.0.1:${upstreamPort}` }];
  const config = { session, routes, rateLimit: [{ match: { endpoint: 'login' }, requests: 'unlimited' }] };
  const [first, second] = [
    await startTestGateway({ provider, config }),
    await startTestGateway({ provider, config }),
  ];
  const times = [];
  for (let each = 0; each < count; each++) {
    const client = createClient();
    await logIn(client, first.url, 'ada', { path: '/1k' });
    const cookie = client.cookies.headerFor(first.url);
    const asks = async () => (await copy.get(`${second.url}/1k`, { cookie })).status;
    const copy = createClient();
    for (let request = 0; request < 20; request++) await asks();
    const ending = client.navigate(`${first.url}/oauth2/sign_out`).then(() => performance.now());
    const refused = (async () => {
      while ((await asks()) === 200);
      return performance.now();
    })();
    times.push(Math.max(0, (await refused) - (await ending)));
    copy.close();
    client.close();
  }
  await Promise.all([first.close(), second.close()]);
  return times;
}
