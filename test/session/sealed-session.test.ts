import { createCipheriv, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Test, test } from 'tap';
import { parseCookies } from '../../src/session/cookies.ts';
import { packSession } from '../../src/session/form/pack.ts';
import { createKeyRing, deriveKey } from '../../src/session/key-ring.ts';
import { open, seal, sealPacked } from '../../src/session/seal.ts';
import {
  openListing,
  openSession,
  type SessionForm,
  sealListing,
  sealSession,
} from '../../src/session/sealed-session.ts';
import { decodeSession, type Session } from '../../src/session/session.ts';
import type { Standing } from '../../src/session/standing.ts';
import { turnOf } from '../../src/session/turn.ts';
import { bareSession } from '../support/session.ts';
import { cookieName, listing, row, rowSession, sealedCookies, secret } from './sessions-of-form-1.ts';
import { begin, createWorld, oldSecret, type Plan, plan, sessionAt, standing, type World } from './world.ts';

const before = createKeyRing([Buffer.from(secret, 'base64')]);

test('sessions that the build of before sealed open, in cookies, rows and listings', async (t) => {
  for (const [sealed, session] of sealedCookies) {
    const opened = openSession(sealed, before.session, 'session', cookieName);
    t.strictSame(opened?.session, session);
    t.equal(opened?.outdatedKey, false);
  }
  const key = deriveKey(Buffer.from(row.secret, 'base64'), 'stored');
  t.strictSame(openSession(row.value, [key], 'stored', row.place)?.session, rowSession);
  const listed = openListing(listing.value, before.listed, listing.name);
  t.equal(listed?.place, listing.place);
  t.equal(listed?.session.subject, rowSession.subject);
});

test('a cookie of the build of before is a session at the gateway, and goes on in the form of today', async (t) => {
  const world = createWorld();
  const years = '3650d';
  const now = plan(world, { secret, idleTimeout: years, maxLifetime: years });
  t.teardown(now.release);
  const [sealed, session] = sealedCookies[0] ?? ['', bareSession()];
  // Whatever day it is: its last use is to be written down.
  world.clock.wind(Math.max(0, (session.seenAt + 100) * 1000 - world.clock.now()));
  const found = sessionOf(await standing(now, `sallyport=1${sealed}`));
  t.strictSame({ ...found?.session, seenAt: session.seenAt }, session);
  const [line = ''] = found?.setCookies ?? [];
  const [cookie] = parseCookies(line.split(';')[0]);
  t.ok(cookie && isPacked(cookie.value.slice(1)), 'it was written anew');
  const again = sessionOf(await standing(now, line.split(';')[0] ?? ''));
  t.equal(again?.session.accessToken, session.accessToken);
});

const sessionOf = (found: Standing) => (found && 'session' in found ? found : undefined);
const isPacked = (sealed: string) => Buffer.from(sealed, 'base64url')[0] === 3;

/** What the build of before makes of a cookie. */
const readBefore = (header: string): Session | undefined => {
  const [cookie] = parseCookies(header);
  const ring = createKeyRing([Buffer.from(oldSecret, 'base64')]);
  const opened = open(cookie?.value.slice(1) ?? '', ring, 'session', 'sallyport');
  return opened && decodeSession(opened.text);
};

/** Two instances that share a secret, and a Redis or nothing. */
function instances(t: Test, forms: readonly [SessionForm, SessionForm]): [Plan, Plan, World] {
  const worlds = [createWorld(), createWorld()] as const;
  const [one, other] = [plan(worlds[0], { form: forms[0] }), plan(worlds[1], { form: forms[1] })];
  t.teardown(one.release);
  t.teardown(other.release);
  return [one, other, worlds[0]];
}

test('with session.form: 1 the build of before opens what this one writes', async (t) => {
  const [one, , world] = instances(t, [1, 1]);
  const session = sessionAt(world.clock);
  t.strictSame(readBefore(await begin(one, session)), session);
});

test('the build of before opens nothing of form 2, and takes it for nothing else', async (t) => {
  const [, two, world] = instances(t, [1, 2]);
  t.equal(readBefore(await begin(two, sessionAt(world.clock))), undefined);
});

test('instances of both forms take each other’s sessions', async (t) => {
  const [one, two, { clock }] = instances(t, [1, 2]);
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    const session = sessionAt(clock);
    const found = await standing(to, await begin(from, session));
    t.strictSame(sessionOf(found)?.session, session);
  }
});

test('sessions on the server go on when the form is changed, to and fro', async (t) => {
  const world = createWorld();
  const plans = ([1, 2] as const).map((form) => plan(world, { store: 'memory', form }));
  for (const each of plans) t.teardown(each.release);
  const [one, two] = plans;
  if (!one || !two) throw new Error('there are two');
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    const session = sessionAt(world.clock, { subject: `of-${from === one ? 1 : 2}` });
    const found = await standing(to, await begin(from, session));
    t.strictSame(sessionOf(found)?.session, session);
    const listed = await to.people.list(session.subject);
    t.strictSame(
      listed.map(({ id }) => id),
      [session.id],
      'it is listed',
    );
  }
});

test('a session of either form opens as what it is alone', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const key = ring.session[0];
  const session = bareSession({ accessToken: 'abc.def' });
  for (const form of [1, 2] as const) {
    const sealed = sealSession(form, session, key, 'session', 's')?.sealed ?? '';
    t.strictSame(openSession(sealed, ring.session, 'session', 's')?.session, session);
    t.equal(openSession(sealed, ring.session, 'session', 'other'), undefined, 'the name counts');
    t.equal(openSession(sealed, ring.session, 'stored', 's'), undefined, 'the purpose counts');
    t.equal(openSession(sealed, createKeyRing([randomBytes(32)]).session, 'session', 's'), undefined);
    for (let length = 0; length < sealed.length; length++)
      if (openSession(sealed.slice(0, length), ring.session, 'session', 's')) t.fail(`${length} letters`);
  }
  const packed = sealSession(2, session, key, 'session', 's')?.sealed ?? '';
  t.equal(open(packed, ring, 'session', 's'), undefined, 'a packed session is no text');
  const text = seal(packSession(session)?.packed.toString('latin1') ?? '', ring, 'session', 's');
  t.equal(openSession(text, ring.session, 'session', 's'), undefined, 'a text is no packed session');
});

test('a seal of a version that nobody knows is no session, whoever made it', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const [key] = ring.session;
  const packed = packSession(bareSession())?.packed ?? Buffer.alloc(0);
  const sealedAs = (version: number) => {
    const header = Buffer.concat([Buffer.of(version), key.id]);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key.key, nonce);
    cipher.setAAD(Buffer.concat([header, Buffer.from('\0session\0s')]));
    const ciphertext = Buffer.concat([cipher.update(packed), cipher.final()]);
    return Buffer.concat([header, nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
  };
  t.ok(openSession(sealedAs(3), ring.session, 'session', 's'));
  for (let version = 0; version < 256; version++)
    if (version !== 3 && openSession(sealedAs(version), ring.session, 'session', 's')) t.fail(`${version}`);
  const asAnother = Buffer.from(sealedAs(3), 'base64url');
  asAnother[0] = 2;
  t.equal(openSession(asAnother.toString('base64url'), ring.session, 'session', 's'), undefined);
});

test('claims come back as they were in either form, and what cannot be written is no seal', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const [key] = ring.session;
  const claims = JSON.parse('{"zero":-0,"beyond":[1e400],"__proto__":{"n":1},"lone":"\\ud800"}');
  const deep = JSON.parse(`{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  const place = randomBytes(32).toString('base64url');
  for (const form of [1, 2] as const) {
    const sealed = sealSession(form, bareSession({ claims }), key, 'session', 's')?.sealed ?? '';
    const opened = openSession(sealed, ring.session, 'session', 's');
    t.ok(isDeepStrictEqual(opened?.session.claims, claims), `form ${form}`);
    const tooDeep = bareSession({ claims: deep });
    t.equal(sealSession(form, tooDeep, key, 'session', 's'), undefined);
    t.equal(sealListing(form, { place, session: tooDeep }, ring.listed[0], 'name'), undefined);
  }
});

test('how deep a claim may be nested is the same in either form, and for who is told of a refresh', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const told = ['refresh', 'access'];
  for (const [levels, isKept] of [
    [1000, true],
    [1001, false],
  ] as const) {
    for (const json of [
      `${'['.repeat(levels)}1${']'.repeat(levels)}`,
      `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
    ]) {
      const session = bareSession({ claims: { deep: JSON.parse(json) } });
      for (const form of [1, 2] as const)
        t.equal(sealSession(form, session, ring.session[0], 'session', 's') !== undefined, isKept);
      const value = turnOf('refresh', told).seal({ kind: 'refreshed', session });
      t.equal(turnOf('refresh', told).open(value)?.kind, isKept ? 'refreshed' : 'ended', `${levels} levels`);
    }
  }
});

test('a session of any size that is sealed opens again, in either form', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const [key] = ring.session;
  for (const length of [200_000, 256 * 1024, 300_000, 900_000])
    for (const form of [1, 2] as const) {
      const session = bareSession({ claims: { note: 'ab'.repeat(length / 2) } });
      const made = sealSession(form, session, key, 'session', 's');
      const isOpen = made && openSession(made.sealed, ring.session, 'session', 's') !== undefined;
      t.not(isOpen, false, `${length} letters in form ${form}: ${made ? 'sealed' : 'refused'}`);
    }
});

test('chunks of two sessions, in any mixture, are neither, and those of one in any order are it', async (t) => {
  const world = createWorld();
  const here = plan(world);
  t.teardown(here.release);
  const large = (subject: string) =>
    sessionAt(world.clock, { subject, accessToken: randomBytes(8000).toString('base64url') });
  const [one, two] = [
    parseCookies(await begin(here, large('one'))),
    parseCookies(await begin(here, large('two'))),
  ];
  t.equal(one.length, 3);
  // Whoever wrote them remembers them, and another process opens them.
  const other = plan(createWorld());
  t.teardown(other.release);
  for (const process of [here, other]) {
    const whose = async (cookies: typeof one) => {
      const found = await standing(process, cookies.map(({ name, value }) => `${name}=${value}`).join('; '));
      return sessionOf(found)?.session.subject;
    };
    for (let mixture = 1; mixture < 7; mixture++) {
      const mixed = one.map((chunk, index) => (mixture & (1 << index) ? two[index] : undefined) ?? chunk);
      t.equal(await whose(mixed), undefined, `mixture ${mixture}`);
    }
    for (const missing of one) t.equal(await whose(one.filter((chunk) => chunk !== missing)), undefined);
    t.equal(await whose(one), 'one');
    t.equal(await whose(one.toReversed()), 'one', 'in another order');
    const [first, second, third] = one as [(typeof one)[0], (typeof one)[0], (typeof one)[0]];
    const renamed = [first, { ...third, name: second.name }, { ...second, name: third.name }];
    t.equal(await whose(renamed), undefined, 'under each other’s names');
    for (const count of '12456789') {
      const wrong = [{ ...first, value: count + first.value.slice(1) }, second, third];
      t.equal(await whose(wrong), undefined, `as ${count} chunks`);
    }
    t.equal(await whose([...one, ...two]), 'one', 'of two sessions in full, the first');
    const moved = { ...second, value: second.value.slice(1) };
    const longer = { ...first, value: first.value + second.value[0] };
    t.equal(await whose([longer, moved, third]), 'one', 'however it is split');
  }
});

test('a listing of either form opens with its place, and for its name alone', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const entry = { place: randomBytes(32).toString('base64url'), session: bareSession({ accessToken: '' }) };
  for (const form of [1, 2] as const) {
    const sealed = sealListing(form, entry, ring.listed[0], 'name') ?? '';
    t.strictSame(openListing(sealed, ring.listed, 'name'), entry);
    t.equal(openListing(sealed, ring.listed, 'other'), undefined);
  }
  for (const bytes of [0, 31, 32, 40]) {
    const sealed = sealPacked(ring.listed[0], randomBytes(bytes), 'listed', 'name');
    t.equal(openListing(sealed, ring.listed, 'name'), undefined, `${bytes} bytes`);
  }
});
