import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { type LegacyApp, startLegacyApp } from '../../src/demo/legacy-app/app.ts';
import { createClient } from '../support/client.ts';
import { until } from '../support/until.ts';

const zoe = {
  'x-forwarded-user': 'zoe',
  'x-forwarded-name': 'Zo%C3%AB M%C3%BCller',
  'x-forwarded-email': 'zoe@example.com',
  'x-forwarded-preferred-username': 'zoe',
  'x-forwarded-groups': 'library,support',
};

async function arrange(t: Test) {
  const app: LegacyApp = await startLegacyApp(0, systemClock);
  const client = createClient();
  t.teardown(async () => {
    client.close();
    await app.close();
  });
  const post = (body: string, headers: Record<string, string> = zoe) =>
    client.request(`${app.url}/notes`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
  return { app, client, post, get: (path: string, headers = {}) => client.get(app.url + path, headers) };
}

test('the application says who is there, by headers alone', async (t) => {
  const { get } = await arrange(t);
  t.match((await get('/', zoe)).text, 'Good day, Zoë Müller.');
  t.match((await get('/', { 'x-forwarded-user': 'u17' })).text, 'Good day, u17.');
  t.match((await get('/')).text, 'Good day, stranger.');

  const { text } = await get('/people', zoe);
  for (const said of ['zoe@example.com', 'library, support', 'The cellar stays locked']) t.match(text, said);
  t.match((await get('/people', { 'x-forwarded-groups': 'admins' })).text, 'You hold the keys');
});

test('a percent sign in a name does no harm', async (t) => {
  const { get } = await arrange(t);
  const { status, text } = await get('/', { 'x-forwarded-name': '100% Ada' });
  t.equal(status, 200);
  t.match(text, 'Good day, 100% Ada.');
});

test('a note is redirected after its POST, and signed with the name of who pinned it up', async (t) => {
  const { get, post } = await arrange(t);
  const answer = await post('text=Wo+ist+Zo%C3%ABs+Buch%3F');
  t.match({ status: answer.status, location: answer.headers.location }, { status: 303, location: '/notes' });
  t.match((await get('/notes')).text, /Wo ist Zoës Buch\?<\/p><p class="soft">Zoë Müller, /);

  await post('text=+++');
  t.equal((await get('/notes')).text.match(/<article/g)?.length, 2, 'one without text is no note');
});

test('nothing that was sent is markup on any page', async (t) => {
  const { get, post } = await arrange(t);
  const evil = `<script>alert('x')</script>" onload='y' &amp;`;
  const headers = Object.fromEntries(Object.keys(zoe).map((name) => [name, evil]));
  await post(new URLSearchParams({ text: evil }).toString(), headers);
  for (const path of ['/', '/people', '/notes', '/headers', '/nothing-here']) {
    const { text } = await get(path, { ...headers, authorization: `Bearer ${evil}` });
    const own = text.replace('<script src="/clock.js" defer></script>', '');
    t.notMatch(own, /<script|<b>|onload='/, path);
    t.match(own, '&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&#39;y&#39; &amp;amp;', path);
  }
});

test('pages run no script but the clock, and load nothing from elsewhere', async (t) => {
  const { get } = await arrange(t);
  const { headers, text } = await get('/', zoe);
  const policy = String(headers['content-security-policy']);
  t.match(policy, "default-src 'none'");
  t.match(policy, "script-src 'self'");
  t.notMatch(policy, 'unsafe');
  t.notMatch(text, /\b(?:src|href)="https?:/);
  t.match((await get('/clock.js')).headers['content-type'], 'text/javascript');
});

test('the headers page shows what arrived, and of a token only what cannot be used', async (t) => {
  const { get } = await arrange(t);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'RS256' })}.${part({ sub: 'zoe', aud: '<i>' })}.c2lnbmF0dXJl`;
  const { text } = await get('/headers', { ...zoe, authorization: `Bearer ${token}`, 'x-own': 'mine' });
  t.match(text, '&quot;alg&quot;: &quot;RS256&quot;');
  t.match(text, '&quot;aud&quot;: &quot;&lt;i&gt;&quot;');
  t.notMatch(text, 'c2lnbmF0dXJl', 'the signature is cut');
  t.match(text, 'Zo%C3%AB M%C3%BCller', 'as it came');
  t.match(text, /x-own<\/th><td><code>mine/);
  for (const said of ['Your access token', 'Your e-mail address', 'Your groups']) t.match(text, said);

  for (const opaque of ['Bearer V1StGXR8_Z5jdHi6B-myT', 'Bearer a.b.c', 'Bearer', 'Basic YTpi']) {
    const answer = await get('/headers', { authorization: opaque });
    t.equal(answer.status, 200, opaque);
    t.match(answer.text, 'It is opaque', opaque);
  }
});

test('the clock ticks by server-sent events until the application stops it', async (t) => {
  const { app, client } = await arrange(t);
  const { answer } = await client.open(`${app.url}/clock`, { headers: zoe });
  t.equal(answer.headers['content-type'], 'text/event-stream');
  let text = '';
  const ended = new Promise((resolve) => answer.on('end', resolve));
  answer.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const events = await until('two ticks', () => {
    const lines = text.split('\n\n').slice(0, -1);
    return lines.length >= 2 && lines;
  });
  for (const event of events) t.match(event, /^data: \{"time":"\d\d:\d\d:\d\d","for":"Zoë Müller"\}$/);
  app.stopClock();
  await ended;
  t.equal((await client.get(`${app.url}/clock`)).text, '', 'and late readers are not kept waiting');
});

test('a page that does not exist, a form that is too long: both say so', async (t) => {
  const { get, post } = await arrange(t);
  const missing = await get('/nothing-here', zoe);
  t.equal(missing.status, 404);
  t.match(missing.text, 'No such page');
  const long = await post(`text=${'a'.repeat(20_000)}`);
  t.equal(long.status, 400);
  t.match(long.text, 'could not be read');
  t.equal((await get('/notes')).text.match(/<article/g)?.length, 1);
});
