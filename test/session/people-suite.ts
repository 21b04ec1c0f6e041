import { type Test, test } from 'tap';
import type { Event } from '../../src/observe/events.ts';
import type { Grant } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import type { WoundClock } from '../support/clock.ts';
import { until } from '../support/until.ts';
import { begin, type Plan, sessionAt, standing } from './world.ts';

/** A process of the gateway, with what it said. */
export interface PeopleProcess extends Plan {
  clock: WoundClock;
  events: Event[];
}

/** Processes with one table of sessions. */
export interface PeopleScene {
  join(options?: { grant?: Grant; secret?: string | string[] }): Promise<PeopleProcess>;
  /** So many sessions of one person must not be too many. */
  many?: number;
  /** Time passes for all of them. */
  pass(ms: number): void;
}

type Row = (name: string, check: (t: Test, scene: PeopleScene) => Promise<void>) => void;

export const adasMail = 'Ada.Lovelace@Example.com';

/** A session of Ada's. */
export const adas = ({ clock }: { clock: WoundClock }, more: Partial<Session> = {}) =>
  sessionAt(clock, {
    subject: 'sub-of-ada',
    claims: { preferred_username: 'ada.l', email: adasMail, groups: ['admins'] },
    accessTokenExpiresAt: undefined,
    ...more,
  });

export const graces = ({ clock }: { clock: WoundClock }) =>
  sessionAt(clock, {
    subject: 'sub-of-grace',
    claims: { preferred_username: 'grace', email: 'grace@example.com' },
  });

/** Whether a cookie still opens a session. */
export const isIn = async (plan: Plan, header: string) => {
  const now = await standing(plan, header);
  return now !== undefined && !('lapsed' in now);
};

const idsOf = async ({ people }: Plan, user: string) => (await people.list(user)).map(({ id }) => id).sort();
const said = ({ events }: PeopleProcess, kind: Event['kind']) =>
  events.filter((event) => event.kind === kind);

/** What holds wherever sessions are kept on the server. */
export function testPeople(store: string, open: (t: Test) => Promise<PeopleScene>): void {
  const row: Row = (name, check) => test(`${store}: ${name}`, async (t) => check(t, await open(t)));
  testListing(row);
  testChanges(row);
  testEnding(row);
  testOddities(row);
}

function testListing(row: Row): void {
  row('a person is found by subject, user name and address, and by nothing else', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const [one, other] = [adas(first), adas(first, { provider: 'elsewhere', subject: 'another-sub' })];
    one.createdAt += 5;
    for (const session of [one, other, graces(first)]) await begin(first, session);
    t.equal(second.people.listing, 'all');
    t.strictSame(await second.people.list('sub-of-ada'), [
      {
        id: one.id,
        provider: 'default',
        subject: 'sub-of-ada',
        user: 'ada.l',
        email: adasMail,
        createdAt: one.createdAt,
        seenAt: one.seenAt,
        expiresAt: one.expiresAt,
      },
    ]);
    for (const user of ['ada.l', adasMail, 'ada.lovelace@example.com', 'ADA.LOVELACE@EXAMPLE.COM']) {
      const providers = (await second.people.list(user)).map(({ provider }) => provider);
      t.strictSame(providers, ['default', 'elsewhere'], `${user}: at both providers, the newest first`);
    }
    const nobodys = ['Ada.L', 'SUB-OF-ADA', 'ada', 'ada.lovelace', 'example.com', '@', '*', 'admins', one.id];
    for (const user of [...nobodys, 'default', ' ada.l', 'ada.l ', `${adasMail}\n`])
      t.strictSame(await second.people.list(user), [], JSON.stringify(user));
  });

  row(
    'what is over is not listed: signed out, idle, at its end, or ended by the provider',
    async (t, scene) => {
      const [first, second] = [await scene.join(), await scene.join()];
      const out = await begin(first, adas(first));
      await begin(first, adas(first, { providerSessionId: 'sid' }));
      const stays = adas(first);
      stays.expiresAt += 36_000;
      await begin(first, stays);
      t.equal((await idsOf(second, 'ada.l')).length, 3);
      await first.sessions.end(out.split('; ').map(cookieOf));
      await first.sessions.revoke({ kind: 'sid', provider: 'default', sid: 'sid' });
      await until('the other process to know', async () => (await idsOf(second, 'ada.l')).length === 1);
      t.strictSame(await idsOf(first, adasMail), [stays.id]);
      scene.pass(3_590_000);
      await begin(first, adas(first));
      t.equal((await idsOf(second, 'ada.l')).length, 2);
      scene.pass(120_000);
      t.equal((await idsOf(second, 'ada.l')).length, 1);
      scene.pass(3_600_000);
      t.strictSame(await idsOf(second, 'ada.l'), []);
    },
  );
}

const cookieOf = (pair: string) => {
  const at = pair.indexOf('=');
  return { name: pair.slice(0, at), value: pair.slice(at + 1) };
};

function testChanges(row: Row): void {
  row('the last request is told, as far as it was written down', async (t, scene) => {
    const process = await scene.join();
    const session = adas(process);
    const header = await begin(process, session);
    scene.pass(90_000);
    t.ok(await isIn(process, header));
    const [listed] = await process.people.list(adasMail);
    t.ok((listed?.seenAt ?? 0) >= session.seenAt + 90, `${listed?.seenAt} ${session.seenAt}`);
    t.equal(listed?.createdAt, session.createdAt);
  });

  row('a person whose address changes at a refresh is found by the new one', async (t, scene) => {
    const grant: Grant = async (session) => ({
      kind: 'refreshed',
      session: {
        ...session,
        claims: { ...session.claims, email: 'countess@example.com' },
        refreshAt: undefined,
        accessToken: 'second',
        accessTokenExpiresAt: session.expiresAt,
      },
    });
    const process = await scene.join({ grant });
    const session = adas(process, { refreshToken: 'once', refreshAt: 1 });
    const header = await begin(process, session);
    t.strictSame(await idsOf(process, adasMail), [session.id]);
    t.ok(await isIn(process, header));
    t.strictSame(await idsOf(process, 'Countess@example.com'), [session.id]);
    t.strictSame(await idsOf(process, adasMail), []);
    t.strictSame(await idsOf(process, 'ada.l'), [session.id], 'and by what stayed');
    t.equal(await process.people.endAll('countess@example.com'), 1);
    t.notOk(await isIn(process, header));
  });
}

function testEnding(row: Row): void {
  row(
    'all sessions of a person end everywhere; those that begin later and those of others go on',
    async (t, scene) => {
      const [first, second] = [await scene.join(), await scene.join()];
      const headers = [await begin(first, adas(first)), await begin(second, adas(second))];
      const gracesHeader = await begin(first, graces(first));
      for (const header of headers) t.ok((await isIn(first, header)) && (await isIn(second, header)));
      t.equal(await second.people.endAll('ADA.LOVELACE@example.com'), 2);
      for (const header of headers) {
        t.notOk(await isIn(second, header));
        await until('the other process to know', async () => !(await isIn(first, header)));
      }
      t.strictSame(await idsOf(first, 'ada.l'), []);
      t.ok((await isIn(first, gracesHeader)) && (await isIn(second, gracesHeader)), 'of somebody else');
      const later = adas(first, { createdAt: first.clock.now() / 1000 + 0.01 });
      const header = await begin(first, later);
      t.ok((await isIn(first, header)) && (await isIn(second, header)), 'who signs in again is in');
      t.strictSame(await idsOf(second, 'ada.l'), [later.id]);
      const ended = said(second, 'session-ended');
      t.equal(ended.length, 2);
      t.match(ended[0], { provider: 'default', subject: 'sub-of-ada', reason: /those who run the gateway/ });
      t.match(said(second, 'sessions-ended'), [{ user: 'ADA.LOVELACE@example.com', sessions: 2 }]);
      t.notMatch(JSON.stringify(second.events), /"access"|refreshToken/);
      t.equal(await second.people.endAll('nobody'), 0);
    },
  );

  row('one session ends by its id', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const [one, other] = [adas(first), adas(first)];
    const [ends, stays] = [await begin(first, one), await begin(first, other)];
    for (const id of ['', 'unknown', `${one.id}x`, `\0${one.id}`, 'x'.repeat(1_000_000)])
      t.equal(await second.people.end(id), false, id.slice(0, 40));
    t.ok((await isIn(first, ends)) && (await isIn(second, ends)));
    t.equal(await second.people.end(one.id), true);
    t.notOk(await isIn(second, ends));
    await until('the other process to know', async () => !(await isIn(first, ends)));
    t.ok((await isIn(first, stays)) && (await isIn(second, stays)));
    t.strictSame(await idsOf(first, 'ada.l'), [other.id]);
    t.equal(await second.people.end(one.id), false, 'it is not there any more');
    t.match(said(second, 'session-ended'), [{ sessionId: one.id, subject: 'sub-of-ada' }]);
  });

  row('a request that writes a session down while it is ended does not bring it back', async (t, scene) => {
    const process = await scene.join();
    const header = await begin(process, adas(process));
    scene.pass(90_000);
    const [found] = await Promise.all([isIn(process, header), process.people.endAll(adasMail)]);
    t.type(found, 'boolean');
    t.notOk(await isIn(process, header));
    t.strictSame(await idsOf(process, 'ada.l'), []);
  });
}

function testOddities(row: Row): void {
  row('odd names are people like any other, and nobody is an empty text', async (t, scene) => {
    const process = await scene.join();
    const odd = ['a\0b', '🦊', '\ud800', '\udc00', '__proto__', '*', '["x"]', '-1', 'n'.repeat(100_000)];
    for (const subject of odd) await begin(process, adas(process, { subject, claims: { email: '' } }));
    await begin(process, adas(process, { claims: { email: {}, preferred_username: ['x'] } }));
    t.strictSame(await process.people.list(''), []);
    t.equal(await process.people.endAll(''), 0);
    t.equal(said(process, 'sessions-ended').length, 0);
    for (const subject of odd) {
      const what = JSON.stringify(subject.slice(0, 20));
      t.equal((await process.people.list(subject)).length, 1, what);
      t.equal(await process.people.endAll(subject), 1, what);
    }
    t.strictSame(await process.people.list('x'.repeat(1_000_000)), []);
    t.equal(await process.people.endAll('x'.repeat(1_000_000)), 0);
    t.ok(JSON.stringify(said(process, 'sessions-ended')).length < 5000, 'the log is not filled with it');
    t.equal((await process.people.list('sub-of-ada')).length, 1, 'whose other claims are no text');
  });

  row('thousands of sessions of one person are listed and ended', async (t, scene) => {
    const process = await scene.join();
    const { many = 1000 } = scene;
    for (let made = 0; made < many; made += 250)
      await Promise.all(Array.from({ length: 250 }, () => begin(process, adas(process))));
    const header = await begin(process, adas(process));
    await begin(process, graces(process));
    t.equal((await process.people.list(adasMail)).length, many + 1);
    t.equal(await process.people.endAll('ada.l'), many + 1);
    t.notOk(await isIn(process, header));
    t.strictSame(await process.people.list(adasMail), []);
    t.equal((await process.people.list('grace')).length, 1);
  });
}
