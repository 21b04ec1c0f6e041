import { test } from 'tap';
import { arrangePeople, json, type Misbehave, plain } from './people.ts';

interface Row {
  answer: Misbehave;
  /** What a request that is no navigation gets meanwhile. */
  status: 401 | 503;
}

/** What was seen of servers that are up and not ready, of what stands in front of them, and of odd ones: no last word. */
const noLastWord: Record<string, Row> = {
  '404 with JSON of an unknown realm': { answer: json(404, { error: 'Realm does not exist' }), status: 401 },
  '404 with other JSON': { answer: json(404, { message: 'no Route matched' }), status: 401 },
  '404 HTML': { answer: plain(404, '<h1>Not Found</h1>'), status: 401 },
  '404, empty': { answer: plain(404), status: 401 },
  '405 HTML': { answer: plain(405, '<h1>Not Allowed</h1>'), status: 401 },
  '410, empty': { answer: plain(410), status: 401 },
  '421, empty': { answer: plain(421), status: 401 },
  '503 HTML': { answer: plain(503, '<h1>Starting</h1>'), status: 503 },
  '503 that says invalid_grant': { answer: json(503, { error: 'invalid_grant' }), status: 503 },
  '500 that says invalid_grant': { answer: json(500, { error: 'invalid_grant' }), status: 503 },
  '400 with an unknown code': { answer: json(400, { error: 'not_ready' }), status: 401 },
  '400 with a code in other letters': { answer: json(400, { error: 'INVALID_GRANT_LATER' }), status: 401 },
  '400 HTML that talks of invalid_grant': { answer: plain(400, '<p>invalid_grant</p>'), status: 401 },
  '401 without WWW-Authenticate': { answer: plain(401), status: 401 },
  '403 HTML': { answer: plain(403, '<h1>Blocked</h1>'), status: 401 },
  '200, empty': { answer: plain(200), status: 401 },
  '200 HTML': { answer: plain(200, '<h1>Maintenance</h1>'), status: 401 },
  '200 with an empty object': { answer: json(200, {}), status: 401 },
  '302 to another page': {
    answer: (hit) => hit.send({ status: 302, headers: { location: '/starting' } }),
    status: 401,
  },
};

test('D4 only a last word about the grant ends a session: whatever else is said, it is there again', async (t) => {
  const people = await arrangePeople(t, { config: { session: { idleTimeout: '12h', maxLifetime: '30d' } } });
  const { gateway, clock } = people;
  const names = ['ada', 'grace', 'zoe'];
  for (const [what, { answer, status }] of Object.entries(noLastWord)) {
    await t.test(what, async (sub) => {
      people.on('*', answer);
      people.expire();
      for (const name of names) {
        const refused = await people.client(name).get(gateway.url);
        sub.equal(refused.status, status, name);
        sub.strictSame(refused.setCookies, [], 'the cookie stays');
        sub.equal(refused.headers['retry-after'] !== undefined, status === 503, 'when to come again');
      }
      people.on('*', undefined);
      clock.wind(61_000);
      for (const name of names) sub.equal((await people.client(name).get(gateway.url)).status, 200, name);
    });
  }
});

test('a provider that starts, with keys that it does not know yet, ends no session', async (t) => {
  const starting = {
    '404': plain(404),
    'no keys': json(200, { keys: [] }),
    HTML: plain(200, '<h1>Hello</h1>'),
  };
  for (const [what, answer] of Object.entries(starting)) {
    const people = await arrangePeople(t, { names: ['ada'] });
    const { gateway, clock } = people;
    people.on('/jwks', answer);
    // The keys are old by then, and the tokens over.
    clock.wind(700_000);
    t.equal((await people.client('ada').get(gateway.url)).status, 200, what);
    people.on('/jwks', undefined);
    people.expire();
    t.equal((await people.client('ada').get(gateway.url)).status, 200, 'and after');
  }
});
