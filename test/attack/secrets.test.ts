import { test } from 'tap';
import { anotherBrowser, arrangeLogin, beginLogin, reachCallback, secretOf } from '../login/steps.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

test('no token, code, state, secret or cookie is in any log line, whatever happened', async (t) => {
  const scene = await arrangeLogin(t, { provider: { conformIdTokenClaims: true } });
  const { provider, gateway } = scene;
  const secrets = new Map<string, string>();
  const remember = (name: string, value: string | null | undefined) => {
    if (value && value.length >= 8) secrets.set(name, value);
  };
  remember('client secret', provider.clientSecret);
  remember('session secret', secretOf(gateway).toString('base64'));

  // A login that ends well, with what it brings.
  const client = anotherBrowser(t);
  const { callback, state, authorizationRequest } = await reachCallback(client, gateway.url, {
    path: '/deep?token=in-the-query',
  });
  remember('code', callback.searchParams.get('code'));
  remember('state', state);
  remember('nonce', authorizationRequest.searchParams.get('nonce'));
  for (const { name, value } of client.cookies.all())
    if (name.startsWith('sallyport')) remember(`cookie ${name}`, value);
  await client.navigate(callback.href);
  for (const { name, value } of client.cookies.all())
    if (name.startsWith('sallyport')) remember(`session ${name}`, value);
  const echo = (await client.get(`${gateway.url}/x?password=in-the-query`)).json() as Echo;
  remember('access token', valuesOf(echo.rawHeaders, 'authorization')[0]?.replace('Bearer ', ''));
  remember('query', 'in-the-query');

  // The same response again, one with an error, one of nobody, and providers that fail in ways that quote tokens.
  const answers: string[] = [];
  const collect = async (url: string, who = client) => {
    const answer = await who.navigate(url);
    answers.push(answer.text);
  };
  await collect(callback.href);
  await collect(
    `${gateway.url}/oauth2/callback?error=access_denied&error_description=eyJhbGciOi.eyJzdWIi.c2ln&state=${state}`,
  );
  await collect(
    `${gateway.url}/oauth2/callback?code=${callback.searchParams.get('code')}&state=unknown-state-value`,
  );
  for (const body of [
    '{"error":"invalid_grant","error_description":"code eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln is bad"}',
    '{"access_token":"leaked-access-token","token_type":"Bearer","id_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."}',
    '<html>leaked-access-token</html>',
  ]) {
    const browser = anotherBrowser(t);
    const attempt = await reachCallback(browser, gateway.url);
    provider.tamper((hit) =>
      hit.path === '/token'
        ? hit.send({
            status: body.includes('error') ? 400 : 200,
            headers: { 'content-type': 'application/json' },
            body,
          })
        : hit.pass(),
    );
    remember('code of a failure', attempt.callback.searchParams.get('code'));
    await collect(attempt.callback.href, browser);
    provider.tamper(undefined);
  }
  remember('token of a failure', 'leaked-access-token');
  remember('token in a description', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0');

  // A sign-out, whose address holds the ID token.
  await beginLogin(anotherBrowser(t), gateway.url, '/other');
  const out = await client.navigate(`${gateway.url}/oauth2/sign_out`);
  remember('ID token', new URL(out.headers.location ?? '').searchParams.get('id_token_hint'));

  t.ok(secrets.size >= 10, [...secrets.keys()].join(', '));
  t.ok(secrets.has('ID token') && secrets.has('access token') && secrets.has('code'));
  await gateway.log.line(({ msg }) => msg === 'logout');
  const log = gateway.log.text();
  for (const [name, value] of secrets) {
    t.notOk(log.includes(value), `${name} is in no log line`);
    t.notOk(
      answers.some((text) => text.includes(value)),
      `${name} is in no page`,
    );
  }
});

test('problem JSON and userinfo hold no token', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const { callback } = await reachCallback(client, gateway.url);
  await client.navigate(callback.href);
  const echo = (await client.get(`${gateway.url}/x`)).json() as Echo;
  const token = valuesOf(echo.rawHeaders, 'authorization')[0]?.replace('Bearer ', '') ?? '';
  t.ok(token.length > 10);
  for (const path of ['/oauth2/userinfo', '/oauth2/nothing', '/oauth2/callback?code=a&state=b']) {
    const { text } = await client.get(gateway.url + path);
    t.notOk(text.includes(token), path);
    t.notMatch(text, /eyJ/);
  }
});
