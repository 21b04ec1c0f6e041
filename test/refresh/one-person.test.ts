import { type Test, test } from 'tap';
import { arrangePeople, json, type Misbehave, type People, plain } from './people.ts';

/** As many requests as a page sends in a minute that asks four times a second. */
const polls = 240;
const everyMs = 250;

interface Refusal {
  answer: Misbehave;
  /** What a request of that person gets that is no navigation. */
  status: 401 | 503;
  /** The session is over: the cookie goes, and the token is not sent again. */
  ends?: boolean;
}

const oauth = (error: string, status = 400): Misbehave => json(status, { error });

/** Every way in which a provider was seen to refuse one person. */
const refusals: Record<string, Refusal> = {
  ...Object.fromEntries(
    [
      'invalid_grant',
      'invalid_request',
      'interaction_required',
      'consent_required',
      'login_required',
      'access_denied',
      'invalid_token',
    ].map((error) => [`400 ${error}`, { answer: oauth(error), status: 401, ends: true } as const]),
  ),
  '403 access_denied': { answer: oauth('access_denied', 403), status: 401, ends: true },
  '401 invalid_grant with a challenge': {
    answer: json(401, { error: 'invalid_grant' }, { 'www-authenticate': 'Basic realm="token"' }),
    status: 401,
    ends: true,
  },
  '400 invalid_grant as text': {
    answer: plain(400, '{"error":"invalid_grant"}', 'text/plain'),
    status: 401,
    ends: true,
  },
  '400 invalid_grant as a form': {
    answer: plain(400, 'error=invalid_grant', 'application/x-www-form-urlencoded'),
    status: 401,
    ends: true,
  },
  '200 invalid_grant': { answer: oauth('invalid_grant', 200), status: 401, ends: true },
  '400, empty': { answer: plain(400), status: 401 },
  '400 HTML': { answer: plain(400, '<h1>Bad Request</h1>'), status: 401 },
  '400 with an error that nobody knows': { answer: oauth('mfa_required'), status: 401 },
  '404': { answer: plain(404, '<h1>Not Found</h1>'), status: 401 },
  '403 of a firewall': { answer: plain(403, '<h1>Blocked</h1>'), status: 401 },
  '401, empty': { answer: plain(401), status: 401 },
  '302 to a login page': {
    answer: (hit) => hit.send({ status: 302, headers: { location: '/login' } }),
    status: 401,
  },
  '200 HTML': { answer: plain(200, '<h1>Maintenance</h1>'), status: 401 },
  '200, empty': { answer: plain(200), status: 401 },
  '204': { answer: (hit) => hit.send({ status: 204 }), status: 401 },
  '400 invalid_client': { answer: oauth('invalid_client'), status: 401 },
  '400 unauthorized_client': { answer: oauth('unauthorized_client'), status: 401 },
  '500, as Dex says of one person': { answer: oauth('server_error', 500), status: 503 },
  '429': { answer: plain(429), status: 503 },
  'a broken connection': { answer: (hit) => void hit.response.destroy(), status: 503 },
};

/** One person polls for a minute while the others work; tells what everybody got. */
async function minute({ gateway, client, clock }: People) {
  const own = new Map<number, number>();
  const others = new Map<number, number>();
  const count = (statuses: Map<number, number>, status: number) =>
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  let clearing = 0;
  for (let poll = 0; poll < polls; poll++) {
    clock.wind(everyMs);
    const asking = [client('ada').get(`${gateway.url}/poll`, { cookie: adasCookie })];
    if (poll % 8 === 3) asking.push(client('grace').get(gateway.url), client('zoe').get(gateway.url));
    const [mine, ...theirs] = await Promise.all(asking);
    count(own, mine?.status ?? 0);
    if (mine?.setCookies.some((line) => line.startsWith('sallyport=;'))) clearing += 1;
    for (const { status } of theirs) count(others, status);
  }
  return { own: Object.fromEntries(own), others: Object.fromEntries(others), clearing };
}

/** A page that goes on with the cookie that it had, whatever the gateway sets. */
let adasCookie = '';

async function assertOnlyOne(
  t: Test,
  people: People,
  { answer, status, ends = false }: Refusal,
): Promise<void> {
  const { gateway, sent } = people;
  const ada = await people.signIn('ada');
  adasCookie = ada.cookies.headerFor(gateway.url) ?? '';
  people.on('ada', answer);
  people.expire();
  const before = sent.length;

  const page = await ada.navigate(`${gateway.url}/page`, { headers: { cookie: adasCookie } });
  t.equal(page.status, 302, 'the first navigation');
  t.match(page.headers.location, /\/auth\?/, 'is at the login');
  const cleared = page.setCookies.some((line) => line.startsWith('sallyport=;'));
  t.equal(cleared, ends, ends ? 'and the cookie is gone' : 'and the cookie stays');

  const { own, others, clearing } = await minute(people);
  t.strictSame(own, { [status]: polls }, 'whoever is refused');
  t.strictSame(others, { 200: 2 * (polls / 8) }, 'nobody else is touched');
  t.equal(clearing, ends ? polls : 0);

  const asked = sent.slice(before).filter(({ name }) => name === 'ada').length;
  if (ends) t.equal(asked, 1, 'the token is not sent again');
  else if (status === 401)
    t.ok(asked >= 2 && asked <= 10, `sent again, and seldom: ${asked} times in a minute`);
  else t.ok(asked <= polls / 2, `${asked} times`);
  people.on('ada', undefined);
}

test('one of three people is refused, and nobody else notices', { timeout: 240_000 }, async (t) => {
  const people = await arrangePeople(t, { config: { session: { idleTimeout: '12h', maxLifetime: '30d' } } });
  for (const [name, refusal] of Object.entries(refusals)) {
    await t.test(name, (sub) => assertOnlyOne(sub, people, refusal));
  }
  const strangers = people.sent.filter(({ name }) => name !== 'ada').map(({ token }) => token);
  t.equal(new Set(strangers).size, strangers.length, 'and no refresh token of theirs was sent twice');
});

test('a session that is parked goes on with its access token, and is itself again when the trouble is over', async (t) => {
  const people = await arrangePeople(t, { names: ['ada'] });
  const { gateway, clock, sent } = people;
  const ada = people.client('ada');
  people.on('ada', plain(404));
  clock.wind(280_000);
  for (let index = 0; index < 10; index++)
    t.equal((await ada.get(gateway.url)).status, 200, 'the token is good');
  t.equal(sent.length, 1, 'and asked once');
  people.on('ada', undefined);
  clock.wind(30_000);
  t.equal((await ada.get(gateway.url)).status, 200, 'with no new login');
  t.equal(sent.length, 2);
});

test('a rotated client secret signs nobody out, and the operator is told', async (t) => {
  const people = await arrangePeople(t);
  const { gateway, clock } = people;
  const names = ['ada', 'grace', 'zoe'];
  const refuse = json(401, { error: 'invalid_client', error_description: 'client authentication failed' });
  people.on('*', refuse);
  people.on('login', refuse);
  clock.wind(290_000);
  for (const name of names)
    t.equal((await people.client(name).get(gateway.url)).status, 200, 'the token is good');
  people.expire();
  for (const name of names) {
    const answer = await people.client(name).get(gateway.url);
    t.equal(answer.status, 401);
    t.strictSame(answer.setCookies, [], 'the cookie stays');
  }
  const line = await gateway.log.line(({ code }) => code === 'client_rejected');
  t.match(line, { level: 'error', status: 401, endpoint: `${people.provider.issuer}/token` });
  t.match(String(line.reason), /client authentication failed/);
  t.match(line.lookAt, ['provider.clientId', 'provider.clientSecret']);

  people.on('*', undefined);
  people.on('login', undefined);
  clock.wind(60_000);
  for (const name of names) t.equal((await people.client(name).get(gateway.url)).status, 200, name);
});

test('a login at a provider that does not take the gateway as its client says whose fault it is', async (t) => {
  const people = await arrangePeople(t, { names: [] });
  people.on('login', json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' }));
  await t.rejects(people.signIn('ada'), /no session after the login: 503/);
  // While the provider was looked for, the start of a login may have failed too.
  const line = await people.gateway.log.line(
    ({ msg, code }) => msg === 'failed' && code !== 'provider_unavailable',
  );
  t.match(line, { level: 'error', code: 'client_rejected', status: 503 });
});

test('what several people meet holds the others back, yet never a login, and ends with the first success', async (t) => {
  const people = await arrangePeople(t);
  const { gateway, clock, sent } = people;
  people.on('*', json(503, { error: 'temporarily_unavailable' }));
  people.expire();
  for (const name of ['ada', 'grace']) t.equal((await people.client(name).get(gateway.url)).status, 503);
  const before = sent.length;
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const name = ['ada', 'grace', 'zoe'][index % 3] ?? '';
      return (await people.client(name).get(gateway.url)).status;
    }),
  );
  t.ok(statuses.every((status) => status === 503));
  t.ok(sent.length - before <= 4, `${sent.length - before} calls for 60 requests`);
  const page = await people.client('zoe').navigate(`${gateway.url}/`);
  t.equal(page.status, 302, 'a navigation may always try to sign in');
  people.on('*', undefined);
  clock.wind(1000);
  for (const name of ['zoe', 'grace', 'ada'])
    t.equal((await people.client(name).get(gateway.url)).status, 200, name);
});

test('two whose refreshes fail do not keep a third from his own', async (t) => {
  const people = await arrangePeople(t);
  const { gateway, clock } = people;
  for (const name of ['ada', 'grace']) people.on(name, json(500, { error: 'server_error' }));
  people.expire();
  for (let index = 0; index < 20; index++) {
    clock.wind(250);
    for (const name of ['ada', 'grace']) t.equal((await people.client(name).get(gateway.url)).status, 503);
  }
  t.equal((await people.client('zoe').get(gateway.url)).status, 200);
});

test('an answer whose tokens cannot be used is not asked for again: its refresh token is spent', async (t) => {
  const bodies = [
    '{"access_token":"abc',
    '{"access_token":7,"token_type":"Bearer"}',
    '{"access_token":null}',
  ];
  for (const body of bodies) {
    const people = await arrangePeople(t, { names: ['ada'] });
    const { gateway, clock, sent } = people;
    people.on('ada', plain(200, body, 'application/json'));
    clock.wind(280_000);
    t.equal((await people.client('ada').get(gateway.url)).status, 200, 'the access token is used to its end');
    people.on('ada', undefined);
    for (let index = 0; index < 5; index++) {
      clock.wind(60_000);
      t.equal((await people.client('ada').get(gateway.url)).status, 401, body);
    }
    t.equal(sent.length, 1);
  }
});

test('120 requests at the end of the token make one refresh and 120 answers', async (t) => {
  for (const store of ['cookie', 'memory']) {
    const people = await arrangePeople(t, { names: ['ada'], config: { session: { store } } });
    const { gateway, sent } = people;
    people.expire();
    const cookie = people.client('ada').cookies.headerFor(gateway.url) ?? '';
    const answers = await Promise.all(
      Array.from({ length: 120 }, () => people.client('ada').get(gateway.url, { cookie })),
    );
    t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]), store);
    t.equal(sent.length, 1);
  }
});

test('keys that cannot be had just then lose no refresh token', async (t) => {
  const people = await arrangePeople(t, { names: ['ada'] });
  const { gateway, provider } = people;
  // An ID token with a key that nobody knows yet, and no way to look.
  people.on('/jwks', plain(500));
  people.on('ada', async (hit) => {
    const original = await hit.original();
    const { id_token: idToken = '', ...tokens } = JSON.parse(original.body) as Record<string, string>;
    const [, payload, signature] = idToken.split('.');
    const header = Buffer.from('{"alg":"RS256","kid":"unknown"}').toString('base64url');
    hit.send({
      ...original,
      body: JSON.stringify({ ...tokens, id_token: `${header}.${payload}.${signature}` }),
    });
  });
  people.expire();
  t.equal((await people.client('ada').get(gateway.url)).status, 200);
  people.on('ada', undefined);
  people.expire();
  t.equal((await people.client('ada').get(gateway.url)).status, 200);
  const refreshes = provider.events.filter(({ grantType }) => grantType === 'refresh_token');
  t.strictSame(
    refreshes.map(({ name }) => name),
    ['grant.success', 'grant.success'],
    'each was sent once',
  );
});
