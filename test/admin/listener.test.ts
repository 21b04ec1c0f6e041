import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { test } from 'tap';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { arrangeAdmin, token, withToken } from './scene.ts';

async function arrangeGatewayWithAdmin(t: Teardown) {
  const admin = { listen: `127.0.0.1:${await freePort()}`, token };
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ upstream, config: { admin } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  return { gateway, client };
}

test('none of what the admin listener does is on the public address, whoever asks', async (t) => {
  const { gateway, client } = await arrangeGatewayWithAdmin(t);
  const asks = [
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/metrics'],
    ['GET', '/config'],
    ['POST', '/reload'],
    ['POST', '/drain'],
    ['GET', '/sessions?user=ada'],
    ['DELETE', '/sessions?user=ada'],
  ] as const;
  const headers = { ...withToken, accept: 'application/json' };
  for (const [method, path] of asks) {
    const { status, headers: answered } = await client.request(gateway.url + path, { method, headers });
    t.equal(status, 401, `${method} ${path} is a request for the application`);
    t.equal(answered['x-sallyport-error'], 'not_signed_in');
    const below = await client.request(`${gateway.url}/oauth2${path}`, { method, headers });
    t.equal(below.status, 404, `${method} /oauth2${path}`);
  }
  t.equal((await client.get(`${gateway.adminUrl}/healthz`)).status, 200);
});

test('a chosen admin address that is taken is an error', async (t) => {
  const upstream = await arrangeUpstream(t);
  const admin = { listen: new URL(upstream.url).host };
  await t.rejects(startTestGateway({ upstream, config: { admin } }), { code: 'EADDRINUSE' });
});

test('the configuration in force is shown with its secrets masked, wherever they stand', async (t) => {
  const upstream = await arrangeUpstream(t);
  const token = 'a-token-of-the-admin';
  const config = {
    admin: { listen: `127.0.0.1:${await freePort()}`, token },
    provider: { clientSecret: 'the-client-secret' },
    session: { redis: { url: 'redis://gate:the-redis-password@127.0.0.1:9' } },
    headers: { 'X-Api-Key': `\${API_KEY}`, 'X-User': '{user}' },
  };
  const env = { API_KEY: 'k3y' };
  const gateway = await startTestGateway({ upstream, config, env });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const { status, text, json } = await client.get(`${gateway.adminUrl}/config`, {
    authorization: `Bearer ${token}`,
  });
  t.equal(status, 200);
  const { session } = (await import('yaml')).parse(gateway.yaml) as { session: { secret: string } };
  for (const secret of [token, 'the-client-secret', 'the-redis-password', 'k3y', session.secret])
    t.notOk(text.includes(secret), secret);
  t.match(json(), {
    publicUrl: gateway.url,
    admin: { token: '***' },
    headers: { 'X-Api-Key': '***', 'X-User': '{user}' },
    session: { store: 'cookie', cookie: { sameSite: 'lax' } },
  });
});

test('the sessions of a person are listed and ended', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const token = 'a-token-of-the-admin';
  const admin = { listen: `127.0.0.1:${await freePort()}`, token };
  const config = { admin, session: { store: 'memory' } };
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const [ada, grace, operator] = [createClient(), createClient(), createClient()];
  for (const client of [ada, grace, operator]) t.teardown(() => client.close());
  await logIn(ada, gateway.url, 'ada');
  await logIn(grace, gateway.url, 'grace');
  const ask = (method: string, path: string) =>
    operator.request(gateway.adminUrl + path, { method, headers: { authorization: `Bearer ${token}` } });
  const listed = await ask('GET', '/sessions?user=ada@example.com');
  const { sessions } = listed.json() as { sessions: { id: string }[] };
  t.match(sessions, [{ subject: 'ada', provider: 'default', email: 'ada@example.com' }]);
  t.equal(sessions.length, 1);
  t.same((await ask('DELETE', `/sessions/${sessions[0]?.id}`)).json(), { ended: 1 });
  t.equal((await ada.get(`${gateway.url}/x`)).status, 401);
  t.equal((await grace.get(`${gateway.url}/x`)).status, 200);
  t.same((await ask('DELETE', '/sessions?user=grace')).json(), { ended: 1 });
  t.equal((await grace.get(`${gateway.url}/x`)).status, 401);
});

test('a gateway that was not started from a file says so when it is to read it again', async (t) => {
  const { gateway, client } = await arrangeGatewayWithAdmin(t);
  const reload = { method: 'POST', headers: withToken };
  const answer = await client.request(`${gateway.adminUrl}/reload`, reload);
  t.equal(answer.status, 422);
  t.match(answer.json(), {
    code: 'configuration_refused',
    problems: ['this gateway was not started from a file'],
  });
});

test('who waits for a long reload gets its answer, though nothing passes meanwhile', async (t) => {
  let socket: Socket | undefined;
  const begun = (message: unknown) => {
    socket = (message as { socket: Socket }).socket;
  };
  subscribe('http.server.request.start', begun);
  t.teardown(() => unsubscribe('http.server.request.start', begun));
  let silence: number | undefined;
  const { admin } = await arrangeAdmin(t, {
    token,
    controls: {
      async reload() {
        silence = socket?.timeout;
        return { result: 'unchanged', warnings: [] };
      },
    },
  });
  const answer = await fetch(`${admin.url}/reload`, { method: 'POST', headers: withToken });
  t.equal(answer.status, 200);
  t.ok((silence ?? 0) >= 120_000, `as long as the command waits: ${silence}`);
});
