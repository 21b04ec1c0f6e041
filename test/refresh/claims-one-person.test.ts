import { test } from 'tap';
import { defaultPeople } from '../support/provider.ts';
import { arrangePeople, json, type Misbehave, plain } from './people.ts';

const intervalMs = 60_000;

/** What userinfo answers for one person while it answers the others. */
const failing: Record<string, Misbehave> = {
  'an empty 400': plain(400),
  '431': plain(431),
  'HTML with the status 200': plain(200, '<h1>Hello</h1>'),
  'JSON that is no object': json(200, [1]),
  '404': plain(404),
  '500': json(500, { error: 'server_error' }),
  '429': plain(429),
  'a broken connection': (hit) => void hit.response.destroy(),
  '401': plain(401),
};

const config = (url: string) => ({
  provider: { refreshClaims: '60s', userinfo: true },
  session: { idleTimeout: '12h' },
  routes: [
    { path: '/', upstream: url },
    { path: '/adm', upstream: url, allow: [{ groups: 'admins' }] },
  ],
});

for (const [what, misbehave] of Object.entries(failing)) {
  test(`${what} for one person does not keep the removed groups of another alive`, async (t) => {
    const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
    people.grace = { ...people.grace, groups: ['admins'] };
    const scene = await arrangePeople(t, {
      names: ['ada', 'grace'],
      provider: { people, conformIdTokenClaims: true, ttl: { accessToken: 3600 } },
      configOf: config,
    });
    const { gateway, clock } = scene;
    t.equal((await scene.client('grace').get(`${gateway.url}/adm`)).status, 200);
    let asked = 0;
    scene.on('/me', (hit) => {
      const token = (hit.request.headers.authorization ?? '').replace(/^Bearer /, '');
      if (scene.ownerOf(token) !== 'ada') return hit.pass();
      asked += 1;
      return misbehave(hit);
    });
    people.grace = { ...people.grace, groups: [] };
    clock.wind(intervalMs);
    // The page of one person is busy; the other comes by after two seconds.
    for (let poll = 0; poll < 14; poll++) {
      clock.wind(150);
      const answer = await scene.client('ada').get(gateway.url);
      t.equal(answer.status, 200, 'an outage takes nothing away');
    }
    t.equal((await scene.client('grace').get(`${gateway.url}/adm`)).status, 403, 'no member any more');
    t.ok(asked >= 1 && asked <= 6, `asked ${asked} times for 14 requests`);
  });
}

test('a group of the ID token that userinfo does not name any more is gone after the interval', async (t) => {
  const people = structuredClone(defaultPeople) as Record<string, Record<string, unknown>>;
  const scene = await arrangePeople(t, {
    names: ['ada'],
    // The ID token has the groups too.
    provider: { people, conformIdTokenClaims: false, ttl: { accessToken: 3600 } },
    configOf: (url) => ({ ...config(url), provider: { refreshClaims: '60s' } }),
  });
  const { gateway, clock } = scene;
  const ada = scene.client('ada');
  t.equal((await ada.get(`${gateway.url}/adm`)).status, 200);
  people.ada = { ...people.ada, groups: ['staff'] };
  clock.wind(intervalMs);
  t.equal((await ada.get(`${gateway.url}/adm`)).status, 403);
  people.ada = { ...people.ada, groups: ['admins'] };
  clock.wind(intervalMs);
  t.equal((await ada.get(`${gateway.url}/adm`)).status, 200, 'and back');
});
