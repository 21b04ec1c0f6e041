import { randomBytes } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { test } from 'tap';
import { createCookieStore } from '../../src/session/cookie-store.ts';
import { type CookieAttributes, parseCookies } from '../../src/session/cookies.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import type { Session } from '../../src/session/session.ts';

const attributes: CookieAttributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined };
const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

const session: Session = {
  id: 'i',
  provider: 'default',
  subject: 'ada',
  claims: { email: 'ada@example.com' },
  accessToken: 'token',
  idToken: undefined,
  createdAt: 1000,
  expiresAt: 2000,
};

const headerOf = (setCookies: readonly string[] = []) =>
  parseCookies(setCookies.map((line) => line.split(';', 1)[0]).join('; '));

test('a session comes back as it was', async (t) => {
  const store = createCookieStore('s', attributes, createKeyRing([randomBytes(32)]), () => 1_500_000);
  t.strictSame(store.read(headerOf(store.write(session, []))), session);
});

test('a session ends at its time, whatever the age of the cookie', async (t) => {
  let now = 1_999_000;
  const store = createCookieStore('s', attributes, createKeyRing([randomBytes(32)]), () => now);
  const cookies = headerOf(store.write(session, []));
  t.ok(store.read(cookies));
  now = 2_000_000;
  t.equal(store.read(cookies), undefined);
});

test('a planted cookie of the same name does not hide the real one', async (t) => {
  const ring = createKeyRing([randomBytes(32)]);
  const store = createCookieStore('s', attributes, ring, () => 1_500_000);
  const [mine] = headerOf(store.write(session, []));
  const planted = { name: 's', value: '1AQIDBAUG' };
  t.equal(store.read([planted, mine ?? planted])?.subject, 'ada');
});

test('writing a smaller session removes the chunks of the larger one', async (t) => {
  const store = createCookieStore('s', attributes, createKeyRing([randomBytes(32)]), () => 1_500_000);
  const large = { ...session, accessToken: randomBytes(6000).toString('base64url') };
  const before = headerOf(store.write(large, []));
  t.ok(before.length > 1);
  const lines = store.write(session, before) ?? [];
  t.equal(lines.filter((line) => line.includes('Max-Age=0')).length, before.length - 1);
});

test('a session that does not fit into cookies is told, not cut', async (t) => {
  const store = createCookieStore('s', attributes, createKeyRing([randomBytes(32)]));
  const huge = { ...session, accessToken: randomBytes(40_000).toString('base64url') };
  t.equal(store.write(huge, []), undefined);
});
