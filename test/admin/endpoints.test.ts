import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { arrangeAdmin, peopleWho, session, token, withToken } from './scene.ts';

test('what each endpoint does, and what it answers', async (t) => {
  const { admin, done, events } = await arrangeAdmin(t);
  const client = createClient();
  t.teardown(() => client.close());
  const rows = [
    ['GET', '/healthz', 200, { status: 'ok' }, []],
    ['GET', '/readyz', 200, { status: 'ok', degraded: [] }, []],
    ['GET', '/readyz?nocache=1', 200, { status: 'ok' }, []],
    ['POST', '/reload', 200, { result: 'reloaded' }, ['reload']],
    ['POST', '/reload?dry-run', 200, { result: 'would-reload' }, ['reload, dry']],
    ['POST', '/reload?dry-run=true', 200, { result: 'would-reload' }, ['reload, dry']],
    ['POST', '/reload?dry-run=false', 200, { result: 'reloaded' }, ['reload']],
    ['POST', '/drain', 200, { status: 'draining' }, ['drain']],
    ['GET', '/config', 200, { publicUrl: ['https://app.example'] }, ['config']],
    ['GET', '/sessions?user=ada', 200, { sessions: [session] }, ['list ada']],
    ['GET', '/sessions?user=a%26b%20c', 200, { sessions: [] }, ['list a&b c']],
    ['DELETE', '/sessions?user=ada', 200, { ended: 1 }, ['end all of ada']],
    ['DELETE', '/sessions/session-1', 200, { ended: 1 }, ['end session-1']],
    ['DELETE', '/sessions/another', 404, { code: 'no_such_session' }, ['end another']],
    // What is misspelt does nothing, and never more than was meant.
    ['POST', '/reload?dryrun', 400, { code: 'malformed_request' }, []],
    ['POST', '/reload?dry_run=1', 400, { code: 'malformed_request' }, []],
    ['POST', '/reload?dry-run=yes', 400, { code: 'malformed_request' }, []],
    ['DELETE', '/sessions', 400, { code: 'malformed_request' }, []],
    ['DELETE', '/sessions?user=', 400, { code: 'malformed_request' }, []],
    ['DELETE', '/sessions?user=ada&user=bob', 400, { code: 'malformed_request' }, []],
    ['DELETE', '/sessions?email=ada', 400, { code: 'malformed_request' }, []],
    ['DELETE', '/sessions/', 404, { code: 'not_found' }, []],
    ['DELETE', '/sessions/a%2Fb', 404, { code: 'not_found' }, []],
    ['DELETE', '/sessions/a/b', 404, { code: 'not_found' }, []],
    ['GET', '/sessions?user=out', 503, { code: 'store_unavailable', detail: /^the store/ }, ['list out']],
    ['GET', '/sessions?user=broken', 500, { code: 'internal' }, ['list broken']],
  ] as const;
  for (const [method, path, status, json, does] of rows) {
    done.length = 0;
    const answer = await client.request(admin.url + path, { method, headers: withToken });
    t.equal(answer.status, status, `${method} ${path}`);
    t.match(answer.json(), json);
    t.same(done, does, `${method} ${path} does ${does}`);
    t.equal(answer.headers['cache-control'], 'no-store');
    t.equal(answer.headers['access-control-allow-origin'], undefined);
    if (status >= 400) t.match(answer.headers['content-type'], 'application/problem+json');
  }
  const told = events.filter(({ kind }) => kind === 'admin-call');
  t.match(told.at(-1), { client: '127.0.0.1', method: 'GET', path: '/sessions', status: 500 });
  t.notOk(JSON.stringify(told).includes('ada'), 'whom it was about is not said');
  t.notOk(
    told.some((event) => 'path' in event && event.path === '/readyz'),
    'nor is each question for the health',
  );
  t.match(
    events.find(({ kind }) => kind === 'admin-call-failed'),
    { path: '/sessions' },
  );
});

test('a configuration that is refused is 422 with its problems', async (t) => {
  const problems = ['routes[0].upstream: expected a URL', 'no key rotues; did you mean routes?'];
  const reload = async () => ({ result: 'refused' as const, problems });
  const { admin } = await arrangeAdmin(t, { controls: { reload } });
  const client = createClient();
  t.teardown(() => client.close());
  const answer = await client.request(`${admin.url}/reload`, { method: 'POST', headers: withToken });
  t.equal(answer.status, 422);
  t.match(answer.json(), { result: 'refused', problems });
});

test('sessions in cookies can be ended and not listed', async (t) => {
  const done: string[] = [];
  const { admin } = await arrangeAdmin(t, { controls: { people: () => peopleWho(done, 'none') } });
  const client = createClient();
  t.teardown(() => client.close());
  const ask = (method: string, path: string) =>
    client.request(admin.url + path, { method, headers: withToken });
  const listed = await ask('GET', '/sessions?user=ada');
  t.equal(listed.status, 501);
  t.match(listed.json(), { code: 'sessions_in_cookies' });
  t.same((await ask('DELETE', '/sessions?user=ada')).json(), { ended: null });
  t.same((await ask('DELETE', '/sessions/unknown')).json(), { ended: null }, 'nobody can tell');
  t.same(done, ['end all of ada', 'end unknown']);
});

test('a gateway without people says so', async (t) => {
  const { admin } = await arrangeAdmin(t, { controls: { people: () => undefined } });
  const client = createClient();
  t.teardown(() => client.close());
  for (const [method, path] of [
    ['GET', '/sessions?user=ada'],
    ['DELETE', '/sessions?user=ada'],
    ['DELETE', '/sessions/session-1'],
  ] as const)
    t.equal((await client.request(admin.url + path, { method, headers: withToken })).status, 501);
});

test('processes that do not tell how they stand are not ready, and /healthz answers all the same', async (t) => {
  const { admin, clock } = await arrangeAdmin(t, { controls: { health: () => new Promise(() => {}) } });
  const client = createClient();
  t.teardown(() => client.close());
  const asked = client.get(`${admin.url}/readyz`);
  t.equal((await client.get(`${admin.url}/healthz`)).status, 200);
  clock.wind(2000);
  const answer = await asked;
  t.equal(answer.status, 503);
  t.match(answer.json(), { missing: ['its processes do not answer'] });
  t.equal(answer.headers['retry-after'], '1');
  const failing = await arrangeAdmin(t, { controls: { health: () => Promise.reject(new Error('gone')) } });
  t.equal((await client.get(`${failing.admin.url}/readyz`)).status, 503);
});

test('a name that could mean two people is not guessed at', async (t) => {
  const { admin, done } = await arrangeAdmin(t, { token });
  for (const user of ['ada+mail@example.com', 'Ada+Lovelace', 'ada%', '%ff', 'ada%C3'])
    for (const method of ['GET', 'DELETE']) {
      const answer = await fetch(`${admin.url}/sessions?user=${user}`, { method, headers: withToken });
      t.match(await answer.json(), { status: 400, code: 'malformed_request', detail: /%2B/ }, user);
    }
  t.same(done, []);
  const clear = `${admin.url}/sessions?user=${encodeURIComponent('ada+mail@example.com')}`;
  t.equal((await fetch(clear, { headers: withToken })).status, 200);
});
