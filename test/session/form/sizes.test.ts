import { randomBytes } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { test } from 'tap';
import { parseCookies } from '../../../src/session/cookies.ts';
import { createKeyRing } from '../../../src/session/key-ring.ts';
import { createOpenedCookies } from '../../../src/session/opened-cookies.ts';
import type { SessionForm } from '../../../src/session/sealed-session.ts';
import type { Session } from '../../../src/session/session.ts';
import { createCookieStore } from '../../../src/session/stores/cookie-store.ts';
import { createCookieWriter } from '../../../src/session/stores/cookie-writer.ts';
import { observeInto } from '../../support/observe.ts';
import { sessionWith } from '../../support/token-session.ts';
import { tokenSets } from '../../support/token-sets.ts';

const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

const name = '__Host-sallyport';
const attributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined } as const;

function storeOf(form: SessionForm, maxBytes = 64 * 1024) {
  const lines: string[] = [];
  const { emit } = observeInto((line) => lines.push(line));
  const writer = createCookieWriter({ name, attributes, maxBytes, persistent: false }, { now: Date.now });
  const ring = createKeyRing([randomBytes(32)]);
  return { store: createCookieStore(writer, ring, createOpenedCookies(name), emit, form), lines };
}

/** The Set-Cookie values, and the session that the browser brings back. */
async function kept(form: SessionForm, session: Session, maxBytes?: number) {
  const { store, lines } = storeOf(form, maxBytes);
  const setCookies = await store.create(session, []);
  const cookies = parseCookies(setCookies.map((line) => line.split(';', 1)[0]).join('; '));
  const found = await store.read(cookies);
  return { bytes: setCookies.join('').length, session: found?.session, lines };
}

/** Whole Set-Cookie values, with 5 % for what is random in the tokens. */
const most: Readonly<Record<string, number>> = {
  'Keycloak, 2 groups': 1805 * 1.05,
  'Keycloak, 40 random groups': 2575 * 1.05,
  'Keycloak, 200 random groups': 5595 * 1.05,
};

test('the cookie has all of the tokens, and is far smaller than it was', async (t) => {
  for (const set of Object.keys(tokenSets)) {
    const session = sessionWith(set);
    const [now, before] = [await kept(2, session), await kept(1, session)];
    t.strictSame(now.session, session, set);
    t.strictSame(before.session, session);
    t.ok(now.bytes < before.bytes, `${set}: ${now.bytes} bytes, ${before.bytes} in the form of before`);
    if (set in most) t.ok(now.bytes <= (most[set] ?? 0), `${set}: no more than ${most[set]}`);
  }
});

test('how large a cookie gets does not depend on how long the audience is', async (t) => {
  const sizes: number[] = [];
  for (const clientId of ['a', 'ab', 'abc', 'abcd', 'abcde'])
    sizes.push((await kept(2, sessionWith('Keycloak, 200 random groups', clientId))).bytes);
  t.ok(Math.max(...sizes) - Math.min(...sizes) < 200, sizes.join(', '));
});

test('what does not fit goes on without its ID token, with its claims and the other tokens', async (t) => {
  const session = sessionWith('Microsoft Entra ID, 80 groups');
  const { bytes } = await kept(2, session);
  const smaller = await kept(2, session, bytes - 1);
  t.strictSame(smaller.session, { ...session, idToken: undefined });
  t.match(smaller.lines.at(-1), /session\.maxCookieBytes/);
  t.equal((await kept(2, session, bytes)).lines.length, 0, 'with one byte more it fits');
});
