import { test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

for (const { what, path, status } of [
  { what: 'of the gateway, for an application that is out', path: '/out', status: 502 },
  { what: 'that forbids the page', path: '/forbidden', status: 403 },
  { what: 'to a WebSocket that the application cannot take', path: '/out', status: 502 },
]) {
  test(`D1: a refresh token that was replaced is kept by an answer ${what}`, async (t) => {
    const provider = await startProvider({ rotateRefreshTokens: true, ttl: { accessToken: 2 } });
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const routes = [
      { path: '/', upstream: upstream.url },
      { path: '/out', upstream: 'http://127.0.0.1:9' },
      { path: '/forbidden', upstream: upstream.url, allow: [{ groups: 'nobody' }] },
    ];
    const { client, gateway } = await arrangeGateway(t, { provider, config: { routes } });
    await logIn(client, gateway.url, 'ada');
    const before = client.cookies.get('sallyport')?.value;
    const headers = what.includes('WebSocket')
      ? {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': Buffer.alloc(16).toString('base64'),
        }
      : {};
    const refreshes = () => provider.events.filter(({ grantType }) => grantType === 'refresh_token').length;
    const earlier = refreshes();
    const kept = await until('a refresh', async () => {
      const answer = await client.get(gateway.url + path, headers);
      return refreshes() > earlier && answer;
    });
    t.equal(kept.status, status);
    t.ok(kept.setCookies.some((line) => line.startsWith('sallyport=')));
    t.not(client.cookies.get('sallyport')?.value, before);
    t.equal((await client.get(gateway.url)).status, 200);
  });
}
