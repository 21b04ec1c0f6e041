import { test } from 'tap';
import { arrangeLogin, beginLogin, isSignedIn, signInAtProvider } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';

/** Names with our prefix that no cookie library writes, as a sibling host or an old application leaves them. */
const odd = [
  'sallyport-login-\xe9',
  'sallyport-login-a b',
  'sallyport-login-(x)',
  'sallyport-login-"x"',
  'sallyport-login-x,y',
  'sallyport-login-@',
  'sallyport.\xff',
  'sallyport-rounds',
  'sallyport-provider',
  'SALLYPORT',
];

test('cookies of our prefix with names that cannot be written fail nothing, and pass away where they can', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const cookie = odd.map((name) => `${name}=1garbage`).join('; ');
  for (const path of [
    '/',
    '/oauth2/start',
    '/oauth2/sign_in',
    '/oauth2/sign_out',
    '/oauth2/userinfo',
    '/oauth2/callback',
  ]) {
    const answer = await client.navigate(gateway.url + path, { headers: { cookie } });
    t.ok(answer.status < 500, `${path}: ${answer.status}`);
  }
  client.cookies.clear();
  const begun = await beginLogin(client, gateway.url, '/', { headers: { cookie } });
  t.notOk(begun.answer.setCookies.some((line) => /\xe9|\(|"|,y/.test(line.split('=')[0] ?? '')));
  const callback = await signInAtProvider(client, begun);
  const ended = await client.navigate(callback.href, { headers: { cookie } });
  t.equal(ended.status, 302, 'the login ends well');
  t.ok(await isSignedIn(client, gateway.url));
  const out = await client.navigate(`${gateway.url}/oauth2/sign_out`, { headers: { cookie } });
  t.ok(out.status < 400, `the sign-out ends well: ${out.status}`);
});

test('a login removes what it finds of no use, and nothing that is', async (t) => {
  const { gateway, client } = await arrangeLogin(t);
  const expired = (lines: readonly string[]) =>
    lines.filter((line) => /; Max-Age=0;/.test(line)).map((line) => line.split('=')[0]);
  const first = await beginLogin(client, gateway.url);
  const login = client.cookies.all().find(({ name }) => name.startsWith('sallyport-login-'));
  const garbage = 'sallyport=1garbage; sallyport.1=more; sallyport-login-0123456789=x; other=1';
  const again = await client.navigate(gateway.url, { headers: { cookie: garbage } });
  t.same(expired(again.setCookies).sort(), ['sallyport', 'sallyport-login-0123456789', 'sallyport.1']);
  t.notOk(expired(again.setCookies).includes(login?.name), 'the login in the other tab goes on');
  const callback = await signInAtProvider(client, first);
  t.equal((await client.navigate(callback.href)).status, 302);
  const signedIn = await client.navigate(`${gateway.url}/oauth2/start`);
  t.same(
    expired(signedIn.setCookies).filter((name) => !name?.includes('-login-')),
    [],
    'nor does a session that opens',
  );
  await logIn(client, gateway.url, 'grace');
});
