import { decodeJwt } from 'jose';
import { test } from 'tap';
import { signedToken } from '../bearer/scene.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { audienceOf, bearerOf, exchangeGrant, startTokenProvider } from './scene.ts';

const api = 'https://api.example.com';
const audience = 'https://inner.example.com';

async function arrange(t: Teardown, token: Record<string, unknown>, config: Record<string, unknown> = {}) {
  const provider = await startTokenProvider(t);
  const upstream = await arrangeUpstream(t);
  const scene = await arrangeGateway(t, {
    provider,
    config: {
      bearer: [{ issuer: provider.issuer, audience: api }],
      routes: [{ path: '/', upstream: upstream.url, token }],
      ...config,
    },
  });
  const ask = (brought: string) =>
    scene.client.get(`${scene.gateway.url}/`, { authorization: `Bearer ${brought}` });
  return { ...scene, provider, upstream, ask };
}

test('RFC 8693: the token that a client brings is exchanged too, and does not go on', async (t) => {
  const { provider, ask, gateway } = await arrange(t, { exchange: true, audience });
  const brought = await signedToken(provider, { claims: { sub: 'robot' } });
  const answer = await ask(brought);
  t.equal(answer.status, 200);
  t.equal(audienceOf(answer), audience);
  t.equal(decodeJwt(bearerOf(answer) ?? '').sub, 'robot');
  t.notOk(answer.text.includes(brought));
  t.match(provider.tokenRequests, [{ grant_type: exchangeGrant, subject_token: brought }]);
  t.equal(bearerOf(await ask(brought)), bearerOf(answer));
  t.equal(provider.tokenRequests.length, 1);
  const other = await ask(await signedToken(provider, { claims: { sub: 'another' } }));
  t.equal(decodeJwt(bearerOf(other) ?? '').sub, 'another', 'and never given to another client');
  t.notOk(gateway.log.text().includes(bearerOf(answer) ?? 'none'));
});

test('a client gets the gateway’s own token to a service', async (t) => {
  const { provider, ask } = await arrange(t, {
    clientCredentials: true,
    resource: 'https://reports.example.com',
  });
  const answer = await ask(await signedToken(provider));
  t.match(decodeJwt(bearerOf(answer) ?? ''), { client_id: 'app', aud: 'https://reports.example.com' });
});

test('a client has no refresh token, so a refresh with `resource` gives it nothing: 403', async (t) => {
  const { provider, ask, upstream } = await arrange(t, { resource: 'https://reports.example.com' });
  const answer = await ask(await signedToken(provider));
  t.equal(answer.status, 403);
  t.equal(answer.headers['x-sallyport-error'], 'token_refused');
  t.same(upstream.requests, []);
});

test('the token of an issuer that is no provider is shown to none, unless the file says so', async (t) => {
  const issuer = await startTokenProvider(t);
  for (const named of [false, true]) {
    const { provider, ask, upstream } = await arrange(
      t,
      { exchange: true, audience, ...(named && { provider: 'default' }) },
      { bearer: [{ issuer: issuer.issuer, audience: api }] },
    );
    const answer = await ask(await signedToken(issuer));
    t.equal(provider.tokenRequests.length, named ? 1 : 0);
    t.equal(answer.headers['x-sallyport-error'], named ? 'token_refused' : 'token_unavailable');
    t.same(upstream.requests, []);
  }
});
