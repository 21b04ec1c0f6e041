import { test } from 'tap';
import type { Grant } from '../../src/session/outcome.ts';
import { newSecret, oldSecret } from '../session/world.ts';
import { startRedisDelay } from '../support/redis-delay.ts';
import { until } from '../support/until.ts';
import { arrangeNear, type Near } from './near-instances.ts';

/** Sooner than anybody asks again of himself: what is known by then was told. */
const soonMs = 4000;

/** A provider that gives new tokens to whoever asks, or ends the session. */
const giving: Grant = async (session) => ({
  kind: 'refreshed',
  session: { ...session, accessToken: 'new', refreshToken: 'newer', refreshAt: undefined },
});
const ending: Grant = async () => ({ kind: 'ended', reason: 'the account was closed' });

/** A session whose tokens are to be replaced when somebody's clock says so. */
const refreshable = (at: Near) => {
  const now = Math.floor(at.clock.now() / 1000);
  return { refreshToken: 'old', refreshAt: now + 1000, accessTokenExpiresAt: now + 1100 };
};
const untilEnded = (at: Near, header: string) =>
  until('the end', async () => (await at.session(header)) === 'ended', soonMs);
const tokenOf = async (at: Near, header: string) => {
  const session = await at.session(header);
  return typeof session === 'string' ? session : session.accessToken;
};

test('requests with a session that is known ask Redis nothing', async (t) => {
  const scene = await arrangeNear(t);
  const at = await scene.join();
  const { header } = await scene.signIn(at);
  await at.knows(header);
  const before = at.asked('session-get');
  for (let request = 0; request < 200; request++) t.ok(await at.session(header));
  t.ok(at.asked('session-get') - before < 10, `${at.asked('session-get') - before} of 200 asked`);
});

test('requests that come together with a session that is not known ask once', async (t) => {
  const scene = await arrangeNear(t);
  const [first, second] = [await scene.join(), await scene.join()];
  const { header } = await scene.signIn(first);
  const found = await Promise.all(Array.from({ length: 50 }, () => second.session(header)));
  t.ok(found.every((session) => typeof session !== 'string'));
  t.equal(second.asked('session-get'), 1);
});

test('with a long way to Redis, requests with a session that is known wait for nothing', async (t) => {
  const scene = await arrangeNear(t);
  const delay = await startRedisDelay(scene.redis.port, 50);
  t.teardown(() => delay.close());
  const [first, at] = [await scene.join(), await scene.join({ url: delay.url })];
  const { header } = await scene.signIn(first);
  await at.knows(header);
  const found = Array.from({ length: 101 }, () => at.atOnce(header));
  t.ok(found.filter((session) => typeof session === 'object').length > 50, 'half of them at least');
});

test('what is used goes on being asked for, beside the requests', async (t) => {
  const scene = await arrangeNear(t);
  const at = await scene.join();
  const { header, place } = await scene.signIn(at);
  await at.knows(header);
  // Nobody tells of this one: it is what an eviction does, or a build that does not know how to tell.
  await scene.operator.del(`sallyport:session:${place}`);
  await until('it is found out', async () => (await at.session(header)) === 'ended');
});

const endings: Record<string, (by: Near, header: string, id: string) => Promise<unknown>> = {
  'that signs out': (by, header) => by.sessions.end(parse(header)),
  'that those who run the gateway end': (by, _header, id) => by.people.end(id),
  'that the provider ends with a back-channel logout': (by) =>
    by.sessions.revoke({ kind: 'subject', provider: 'default', subject: 'ada' }),
  'that the provider ends at a refresh': async (by, header) => {
    by.clock.wind(1_000_001);
    await until('the refresh', async () => (await by.session(header)) === 'ended');
  },
};
const parse = (header: string) => {
  const at = header.indexOf('=');
  return [{ name: header.slice(0, at), value: header.slice(at + 1) }];
};

for (const [name, end] of Object.entries(endings)) {
  test(`a session ${name} at one instance ends at the others by a push`, async (t) => {
    const scene = await arrangeNear(t);
    const first = await scene.join({ grant: ending });
    const second = await scene.join();
    const { header, session } = await scene.signIn(first, { subject: 'ada', ...refreshable(first) });
    await second.knows(header);
    await end(first, header, session.id);
    await untilEnded(second, header);
  });
}

test('tokens that one instance has replaced are those of all of them', async (t) => {
  const scene = await arrangeNear(t);
  const first = await scene.join({ grant: giving });
  const second = await scene.join();
  const { header } = await scene.signIn(first, refreshable(first));
  await second.knows(header);
  first.clock.wind(1_000_001);
  t.equal(await tokenOf(first, header), 'new');
  await until('the new ones', async () => (await tokenOf(second, header)) === 'new', soonMs);
});

test('an answer that is on its way when a change is told is not remembered', async (t) => {
  const scene = await arrangeNear(t);
  const delay = await startRedisDelay(scene.redis.port);
  t.teardown(() => delay.close());
  const first = await scene.join({ grant: giving });
  const second = await scene.join({ url: delay.url, session: { redis: { timeout: '60s' } } });
  const other = await scene.signIn(first);
  await second.knows(other.header);
  const { header, place } = await scene.signIn(first, { ...refreshable(first), accessToken: 'of before' });
  const timesTold = () => delay.heard().split(place).length - 1;
  await until('the push of the login', () => timesTold() === 1);
  const row = (await scene.operator.get(`sallyport:session:${place}`)) ?? 'none';
  delay.holdAnswers();
  const reading = second.session(header);
  await until('the answer', () => delay.holds(row.slice(0, 40)));
  first.clock.wind(1_000_001);
  t.equal(await tokenOf(first, header), 'new');
  await until('the push', () => timesTold() > 1);
  delay.letGo();
  const before = await reading;
  t.equal(typeof before === 'string' ? before : before.accessToken, 'of before', 'it was on its way');
  t.equal(await tokenOf(second, header), 'new');
});

test('a cookie that is sealed anew under a new secret puts no tokens of before in place of new ones', async (t) => {
  const scene = await arrangeNear(t);
  const delay = await startRedisDelay(scene.redis.port);
  t.teardown(() => delay.close());
  const first = await scene.join({ grant: giving });
  const secret = [newSecret, oldSecret];
  const second = await scene.join({ url: delay.url, session: { secret, redis: { timeout: '60s' } } });
  const { header, place } = await scene.signIn(first, { ...refreshable(first), accessToken: 'of before' });
  const row = (await scene.operator.get(`sallyport:session:${place}`)) ?? 'none';
  delay.holdAnswers();
  const using = second.sessions.currentOf(header);
  await until('the answer', () => delay.holds(row.slice(0, 40)));
  first.clock.wind(1_000_001);
  t.equal(await tokenOf(first, header), 'new');
  delay.letGo();
  const standing = await using;
  const lines = standing && 'session' in standing ? standing.setCookies : [];
  t.equal(lines.length, 1, 'the browser gets a cookie of the new secret');
  const renewed = (lines[0] ?? '').split(';', 1)[0] ?? '';
  t.not(renewed, header);
  t.equal(await tokenOf(second, renewed), 'new');
  t.equal(await tokenOf(first, header), 'new');
});

test('a channel that dies without a word is trusted for three seconds, and then Redis is asked', async (t) => {
  const scene = await arrangeNear(t);
  const delay = await startRedisDelay(scene.redis.port);
  t.teardown(() => delay.close());
  const first = await scene.join({ grant: ending });
  const second = await scene.join({ url: delay.url });
  const { header } = await scene.signIn(first, refreshable(first));
  await second.knows(header);
  delay.deafen();
  await endings['that the provider ends at a refresh']?.(first, header, '');
  second.clock.wind(3001);
  t.equal(second.atOnce(header), undefined, 'it is not answered from memory');
  t.equal(await second.session(header), 'ended');
});

test('what was told while the channel was away is not missed', async (t) => {
  const scene = await arrangeNear(t);
  const first = await scene.join({ grant: ending });
  const second = await scene.join();
  const { header } = await scene.signIn(first, refreshable(first));
  await second.knows(header);
  await scene.operator.call('client', 'kill', 'type', 'pubsub');
  await endings['that the provider ends at a refresh']?.(first, header, '');
  await untilEnded(second, header);
});
