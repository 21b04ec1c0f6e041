import { test } from 'tap';
import { onPath, sendJson } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';

test('a session that a refused refresh ended is taken from the browser by the 302 to the login', async (t) => {
  for (const store of ['cookie', 'memory']) {
    const provider = await startProvider();
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const clock = createWoundClock();
    const { gateway, client } = await arrangeGateway(t, {
      provider,
      upstream,
      clock,
      config: { session: { store } },
    });
    await logIn(client, gateway.url, 'ada');
    provider.tamper(onPath('/token', (hit) => sendJson(hit, { error: 'invalid_grant' }, 400)));
    clock.wind(301_000);
    const answer = await client.navigate(`${gateway.url}/`);
    t.equal(answer.status, 302, store);
    t.ok(
      answer.setCookies.some((line) => /^sallyport=;.*(Max-Age=0|1970)/i.test(line)),
      `${store}: ${answer.setCookies.join(' + ')}`,
    );
  }
});
