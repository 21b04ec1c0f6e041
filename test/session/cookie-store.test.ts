import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { fastifyCookie } from '@fastify/cookie';
import fc from 'fast-check';
import fastify from 'fastify';
import { test } from 'tap';
import { type Cookie, type CookieAttributes, parseCookies } from '../../src/session/cookies.ts';
import type { Found } from '../../src/session/found.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { createOpenedCookies } from '../../src/session/opened-cookies.ts';
import type { SessionForm } from '../../src/session/sealed-session.ts';
import type { Session } from '../../src/session/session.ts';
import { createCookieStore } from '../../src/session/stores/cookie-store.ts';
import { createCookieWriter } from '../../src/session/stores/cookie-writer.ts';
import type { SessionStore } from '../../src/session/stores/store.ts';
import { observeInto } from '../support/observe.ts';
import { anySession } from './form/arbitrary-sessions.ts';

const attributes: CookieAttributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined };
const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

const session: Session = {
  id: 'i',
  provider: 'default',
  subject: 'ada',
  providerSessionId: undefined,
  claims: { email: 'ada@example.com' },
  fetchedClaims: [],
  claimsRefreshAt: undefined,
  accessToken: 'token',
  accessTokenExpiresAt: 1900,
  refreshAt: 1800,
  refreshToken: 'refresh',
  dpopKey: undefined,
  idToken: undefined,
  createdAt: 1000.5,
  seenAt: 1000,
  expiresAt: 2000,
};

const headerOf = (setCookies: readonly string[]) =>
  parseCookies(setCookies.map((line) => line.split(';', 1)[0]).join('; '));

const lines: string[] = [];
const { emit } = observeInto((line) => lines.push(line));

interface StoreOptions {
  maxBytes?: number;
  persistent?: boolean;
  form?: SessionForm;
}

function storeWith({ form, ...options }: StoreOptions = {}) {
  const writer = createCookieWriter(
    { name: 's', attributes, maxBytes: 16_384, persistent: false, ...options },
    { now: () => 1_500_000 },
  );
  return createCookieStore(writer, createKeyRing([randomBytes(32)]), createOpenedCookies('s'), emit, form);
}

test('a session comes back as it was', async (t) => {
  const store = storeWith();
  const found = await store.read(headerOf(await store.create(session, [])));
  t.strictSame(found?.session, session);
});

const cookieHeader = (setCookies: readonly string[]) =>
  setCookies.map((line) => line.split(';', 1)[0]).join('; ');

test('what was just written is known when its cookie comes, and opens as the same', async (t) => {
  for (const accessToken of ['token', randomBytes(4000).toString('base64url')]) {
    const store = storeWith();
    const header = cookieHeader(await store.create({ ...session, accessToken }, []));
    const known = await store.recall(header);
    t.strictSame(known?.session, { ...session, accessToken }, 'nothing was opened for it');
    t.strictSame(known, await store.read(parseCookies(header)), 'and it is what is in the cookie');
    t.equal(await storeWith().recall(header), undefined, 'another process does not know it');
  }
});

test('whatever was written, what is known of it is what its cookie opens to, and no claim gets into the line', async (t) => {
  const line = /^s(\.[1-7])?=[\w-]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/;
  for (const form of [1, 2] as const) {
    const store = storeWith({ form, maxBytes: 64 * 1024 });
    const holds = (any: Session) => {
      const setCookies = store.create(any, []) as string[];
      const known = store.recall(cookieHeader(setCookies)) as Found | undefined;
      const found = storeRead(store, headerOf(setCookies));
      return (
        setCookies.every((set) => line.test(set)) && isDeepStrictEqual(known, found) && found !== undefined
      );
    };
    fc.assert(fc.property(anySession, holds), { numRuns: 400 });
  }
  t.pass('400 sessions in either form');
});

const storeRead = (store: SessionStore, cookies: readonly Cookie[]) =>
  store.read(cookies) as Found | undefined;

test('what did not fit is not known: the session without its ID token is', async (t) => {
  const store = storeWith({ maxBytes: 1500 });
  const big = { ...session, idToken: randomBytes(1500).toString('base64url') };
  const known = await store.recall(cookieHeader(await store.create(big, [])));
  t.equal(known?.session.idToken, undefined);
  t.equal(known?.session.accessToken, 'token');
});

test('a planted cookie of the same name does not hide the real one', async (t) => {
  const store = storeWith();
  const [mine] = headerOf(await store.create(session, []));
  const planted = { name: 's', value: '1AQIDBAUG' };
  const found = await store.read([planted, mine ?? planted]);
  t.equal(found?.session.subject, 'ada');
});

test('writing a smaller session removes the chunks of the larger one', async (t) => {
  const store = storeWith();
  const large = { ...session, accessToken: randomBytes(6000).toString('base64url') };
  const before = headerOf(await store.create(large, []));
  t.ok(before.length > 1);
  const after = await store.create(session, before);
  t.equal(after.filter((line) => line.includes('Max-Age=0')).length, before.length - 1);
});

test('a session that is a little too large goes on without its ID token, and the log names the remedy', async (t) => {
  const store = storeWith({ maxBytes: 4000 });
  const large = { ...session, idToken: randomBytes(3000).toString('base64url') };
  const found = await store.read(headerOf(await store.create(large, [])));
  t.strictSame(found?.session, session);
  t.match(lines.at(-1), /session\.maxCookieBytes.*Redis \(session\.store\)/);
});

test('a session that does not fit is refused, not cut', async (t) => {
  const store = storeWith();
  const huge = { ...session, accessToken: randomBytes(40_000).toString('base64url') };
  t.throws(() => store.create(huge, []), { code: 'session_too_large' });
});

test('a persistent cookie lasts until the session ends, another as long as the browser', async (t) => {
  t.match((await storeWith({ persistent: true }).create(session, []))[0], /Max-Age=500/);
  t.notMatch((await storeWith().create(session, []))[0], /Max-Age/);
});

test('100,000 random cookies never give anything but "no session"', async (t) => {
  const store = storeWith();
  const [genuine] = headerOf(await store.create(session, []));
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_%=. ;"\u00e9';
  const letter = (byte: number) => alphabet[byte % alphabet.length] ?? 'A';
  let found = 0;
  for (let round = 0; round < 100_000; round++) {
    const noise = randomBytes(40);
    const kind = round % 4;
    const value =
      kind === 0
        ? [...noise].map(letter).join('')
        : kind === 1
          ? `1${noise.toString('base64url')}`
          : kind === 2
            ? // The genuine one with a character changed somewhere.
              replaceAt(
                genuine?.value ?? '',
                noise.readUInt16BE() % (genuine?.value.length ?? 1),
                letter(noise[2] ?? 0),
              )
            : (genuine?.value.slice(0, noise.readUInt16BE() % (genuine?.value.length ?? 1)) ?? '');
    if (value !== genuine?.value && (await store.read([{ name: 's', value }]))) found++;
  }
  t.equal(found, 0);
  t.ok(await store.read(genuine ? [genuine] : []), 'and the genuine one does');
});

function replaceAt(text: string, at: number, letter: string): string {
  return text.slice(0, at) + letter + text.slice(at + 1);
}
