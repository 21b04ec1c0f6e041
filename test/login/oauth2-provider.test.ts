import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { beginLogin, signInAtProvider } from './steps.ts';

/** The real provider, known as an authorization server that only looks tokens up. */
async function arrange(t: Test, settings: Record<string, unknown> = {}) {
  const provider = await startProvider({ pkceRequired: false });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const config = {
    provider: {
      type: 'oauth2',
      authorizationEndpoint: `${provider.issuer}/auth`,
      tokenEndpoint: `${provider.issuer}/token`,
      introspectionEndpoint: `${provider.issuer}/token/introspection`,
      scopes: ['profile'],
      ...settings,
    },
  };
  return { ...(await arrangeGateway(t, { provider, upstream, config })), provider };
}

test('without userinfo, introspection says who somebody is', async (t) => {
  const { gateway, client, provider } = await arrange(t);
  const answer = await logIn(client, gateway.url, 'ada');
  t.strictSame(valuesOf((answer.json() as Echo).rawHeaders, 'x-forwarded-user'), ['ada']);
  t.equal(provider.hits.get('/token/introspection'), 1);
  t.notOk(provider.hits.get('/me'));
});

test('a token that introspection does not know, or an answer that names nobody, signs nobody in', async (t) => {
  const { gateway, client, provider } = await arrange(t);
  const answers = [{ active: false }, { active: false, sub: 'ada' }, { active: true }, { sub: 'ada' }, {}];
  for (const answer of answers) {
    provider.tamper((hit) =>
      hit.path === '/token/introspection'
        ? hit.send({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) })
        : hit.pass(),
    );
    const callback = await signInAtProvider(client, await beginLogin(client, gateway.url));
    const refused = await client.navigate(callback.href);
    t.equal(refused.status, 400, JSON.stringify(answer));
    t.notOk(client.cookies.get('sallyport'));
  }
});

test('PKCE is left out where it was turned off, with a warning at start, and never with OpenID Connect', async (t) => {
  const { gateway, client } = await arrange(t, { pkce: false });
  const { authorizationRequest } = await beginLogin(client, gateway.url);
  t.notOk(authorizationRequest.searchParams.has('code_challenge'));
  t.ok(authorizationRequest.searchParams.get('state'));
  t.equal((await logIn(client, gateway.url, 'ada')).status, 200);
  const { warnings } = parseConfig(gateway.yaml, { file: 'sallyport.yaml', env: {} });
  t.match(warnings.join('\n'), /pkce of provider default is off/);
  const openId = gateway.yaml.replace('type: oauth2', 'type: oidc');
  t.throws(
    () => parseConfig(openId, { file: 'sallyport.yaml', env: {} }),
    /pkce: a login with OpenID Connect/,
  );
});
