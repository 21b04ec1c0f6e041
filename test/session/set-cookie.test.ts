import { fastifyCookie } from '@fastify/cookie';
import { test } from 'tap';
import { type CookieAttributes, setCookie } from '../../src/session/cookies.ts';
import { arrangeSignedIn, arrangeUpstream } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';

/*
 * The gateway's own Set-Cookie lines are made by the `serialize` of @fastify/cookie, which knows what may stand in one.
 * It is ready once the plugin is registered, as a gateway does at its start; so one is started here.
 */

const attributes: CookieAttributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined };

test('every cookie that the gateway sets is a line of the plugin, and the application’s are as they came', async (t) => {
  const ofApplication = 'theirs="a b, c"; path=/; Weird';
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'set-cookie': ofApplication }).end();
  });
  const { gateway, client } = await arrangeSignedIn(t, { config: { routes: [{ upstream: upstream.url }] } });
  const made: string[] = [];
  const { serialize } = fastifyCookie;
  t.capture(fastifyCookie, 'serialize', (...given: Parameters<typeof serialize>) => {
    const line = serialize(...given);
    made.push(line);
    return line;
  });
  t.same((await client.get(`${gateway.url}/`)).setCookies, [ofApplication]);
  t.same(made, [], 'a request that sets none has none made');
  const signedOut = await client.request(`${gateway.url}/oauth2/sign_out`, {
    method: 'POST',
    headers: { origin: gateway.url },
  });
  const begun = await client.navigate(`${gateway.url}/`);
  const sent = [...signedOut.setCookies, ...begun.setCookies];
  t.ok(signedOut.setCookies.length > 0 && begun.setCookies.length > 0);
  await logIn(client, gateway.url, 'grace');
  for (const line of sent) t.ok(made.includes(line), line.slice(0, 20));
  t.ok(
    made.some((line) => line.startsWith('sallyport=') && !line.includes('Max-Age=0')),
    'a session too',
  );
});

test('attributes stand in one order, and a value is what it was', async (t) => {
  const value = '1A-b_c.d~';
  const wide: CookieAttributes = { secure: true, sameSite: 'none', path: '/app', domain: 'example.com' };
  t.equal(
    setCookie({ name: '__Host-s', value }, attributes),
    `__Host-s=${value}; Path=/; HttpOnly; Secure; SameSite=Lax`,
  );
  t.equal(
    setCookie({ name: 's', value }, { ...wide, partitioned: true }, 3600),
    `s=${value}; Max-Age=3600; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; SameSite=None`,
  );
  t.equal(
    setCookie({ name: 's', value: 'a%2Fb+/=' }, { ...attributes, secure: false, sameSite: 'strict' }, 0),
    's=a%2Fb+/=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict',
  );
});

test('nothing that would end a line or begin an attribute gets into one', async (t) => {
  const bad = ['a; Domain=example.org', 'a\r\nX-User: ada', 'a\nb', 'a\0', 'ä', 'a\u2028b'];
  for (const [at, text] of bad.entries()) {
    t.throws(() => setCookie({ name: 's', value: text }, attributes), TypeError, `value ${at}`);
    t.throws(() => setCookie({ name: text, value: '' }, attributes), TypeError, `name ${at}`);
    t.throws(() => setCookie({ name: 's', value: '' }, { ...attributes, path: `/${text}` }), TypeError);
    t.throws(() => setCookie({ name: 's', value: '' }, { ...attributes, domain: text }), TypeError);
  }
  t.throws(() => setCookie({ name: 's=t', value: '' }, attributes), TypeError);
  t.throws(() => setCookie({ name: '', value: '' }, attributes), TypeError);
  t.throws(() => setCookie({ name: 's', value: '' }, attributes, Number.NaN), TypeError);
  t.throws(() => setCookie({ name: 's', value: '' }, attributes, 1.5), TypeError);
});
