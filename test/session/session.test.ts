import { test } from 'tap';
import { decodeSession, encodeSession, type Session } from '../../src/session/session.ts';

/** Each field has a value of its own, so that two that share a short name cannot hide behind each other. */
const session: Session = {
  id: 'id',
  provider: 'provider',
  subject: 'subject',
  providerSessionId: 'sid',
  claims: { email: 'ada@example.com' },
  fetchedClaims: ['email'],
  claimsRefreshAt: 1,
  accessToken: 'access',
  accessTokenExpiresAt: 2,
  refreshAt: 3,
  refreshToken: 'refresh',
  dpopKey: 'key',
  idToken: 'id token',
  createdAt: 4.5,
  seenAt: 5,
  expiresAt: 6,
};

test('every field of a session comes back as it was', async (t) => {
  t.strictSame(decodeSession(encodeSession(session)), session);
});

test('a text that is no session, or lacks a part of one, is none', async (t) => {
  const whole = JSON.parse(encodeSession(session)) as Record<string, unknown>;
  for (const text of ['', 'null', '[]', '{}', '"x"', JSON.stringify({ ...whole, u: [1] })]) {
    t.equal(decodeSession(text), undefined, text);
  }
});
