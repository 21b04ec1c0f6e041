import { fastifyCookie } from '@fastify/cookie';
import fc from 'fast-check';
import fastify from 'fastify';
import { test } from 'tap';
import {
  type CookieAttributes,
  expireCookie,
  joinChunks,
  parseCookies,
  setCookie,
  splitIntoChunks,
  staleChunks,
} from '../../src/session/cookies.ts';

const attributes: CookieAttributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined };

// The cookie library of @fastify/cookie is loaded when the plugin is registered.
const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

test('every chunk is at most 4096 bytes with its name and attributes, and the chunks join again', async (t) => {
  const value = fc.integer({ min: 0, max: 31_000 }).map((length) => 'x'.repeat(length));
  fc.assert(
    fc.property(value, fc.constantFrom('__Host-sallyport', 's'), (text, name) => {
      const chunks = splitIntoChunks(name, text, attributes) ?? [];
      const sizes = chunks.map((chunk) => setCookie(chunk, attributes).length);
      const header = chunks.map((chunk) => `${chunk.name}=${chunk.value}`).join('; ');
      return sizes.every((size) => size <= 4096) && [...joinChunks(name, parseCookies(header))][0] === text;
    }),
    { numRuns: 300 },
  );
  t.equal(splitIntoChunks('s', 'x'.repeat(40_000), attributes), undefined, 'too large is told, not cut');
});

test('a missing chunk is no session', async (t) => {
  const chunks = splitIntoChunks('s', 'x'.repeat(9000), attributes) ?? [];
  t.equal(chunks.length, 3);
  for (const missing of chunks) {
    t.strictSame(
      [
        ...joinChunks(
          's',
          chunks.filter((chunk) => chunk !== missing),
        ),
      ],
      [],
    );
  }
});

test('of two cookies with one name, both are offered to be opened', async (t) => {
  const values = [...joinChunks('s', parseCookies('s=1planted; other=1; s=1mine'))];
  t.strictSame(values, ['planted', 'mine']);
});

test('many duplicates cost little: sixteen candidates are offered, and no more', async (t) => {
  const flood = Array.from({ length: 400 }, (_, index) => `s=8a; s.${(index % 7) + 1}=b`).join('; ');
  t.equal([...joinChunks('s', parseCookies(flood))].length, 16);
});

test('left-over chunks are found for removal, other cookies are not', async (t) => {
  const cookies = parseCookies('s=3a; s.1=b; s.2=c; s.x=d; app=1; s-login-abc=2');
  t.strictSame(staleChunks('s', cookies, 1), ['s.1', 's.2']);
  t.strictSame(staleChunks('s', cookies, 0), ['s', 's.1', 's.2']);
});

test('a cookie is removed with the attributes that it was set with', async (t) => {
  const withDomain: CookieAttributes = { ...attributes, domain: 'example.com', path: '/app' };
  t.equal(
    expireCookie('s', withDomain),
    's=; Max-Age=0; Domain=example.com; Path=/app; HttpOnly; Secure; SameSite=Lax',
  );
});

test('any Cookie header is read without an error', async (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (header) => {
      for (const { name } of parseCookies(header)) if (name.includes(';')) return false;
      return [...joinChunks('s', parseCookies(header))].length >= 0;
    }),
    { numRuns: 3000 },
  );
  t.pass('3,000 headers');
});
