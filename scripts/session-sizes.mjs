import { randomBytes, randomUUID } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { createKeyRing } from '../dist/src/session/key-ring.js';
import { createCookieStore } from '../dist/src/session/stores/cookie-store.js';
import { createCookieWriter } from '../dist/src/session/stores/cookie-writer.js';

/**
 * Prints how large sessions get in cookies, as a Markdown table: tokens with the claims that the providers
 * document, random where they are random, sealed by the gateway's own code.
 *
 *     npx tsc && node scripts/session-sizes.mjs
 */

const app = fastify();
await app.register(fastifyCookie, { hook: false });

const opaque = (length) => randomBytes(length).toString('base64url').slice(0, length);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A signed token: RS256 signatures take 256 bytes. */
const jwt = (claims) =>
  `${part({ alg: 'RS256', typ: 'JWT', kid: opaque(43) })}.${part(claims)}.${opaque(342)}`;
const times = { exp: 1795500000, iat: 1795496400, auth_time: 1795496399 };
const person = { name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', email: 'ada@example.com' };
const uuids = (count) => Array.from({ length: count }, () => randomUUID());
const names = (count) => Array.from({ length: count }, (_, index) => `department-${index}-${opaque(6)}`);

const keycloak = (groups) => {
  const shared = {
    ...times,
    jti: randomUUID(),
    iss: 'https://id.example.com/realms/main',
    sub: randomUUID(),
    typ: 'Bearer',
    azp: 'legacy-app',
    sid: randomUUID(),
    acr: '1',
    scope: 'openid profile email',
    email_verified: true,
    preferred_username: 'ada',
    ...person,
  };
  const roles = { roles: ['offline_access', 'default-roles-main', 'uma_authorization', ...groups] };
  const access = {
    ...shared,
    aud: 'account',
    realm_access: roles,
    resource_access: { account: { roles: ['manage-account', 'manage-account-links', 'view-profile'] } },
  };
  return {
    access: jwt(access),
    id: jwt({ ...shared, aud: 'legacy-app', groups }),
    refresh: jwt(shared),
    groups,
  };
};

const entra = (groups) => {
  const shared = {
    ...times,
    aud: randomUUID(),
    iss: `https://login.microsoftonline.com/${randomUUID()}/v2.0`,
    nbf: times.iat,
    ...person,
    oid: randomUUID(),
    preferred_username: 'ada@example.com',
    rh: opaque(40),
    sub: opaque(43),
    tid: randomUUID(),
    uti: opaque(22),
    ver: '2.0',
    groups,
  };
  const access = { ...shared, aio: opaque(110), azp: randomUUID(), azpacr: '1', scp: 'access_as_user' };
  return { access: jwt(access), id: jwt(shared), refresh: opaque(1250), groups };
};

const google = () => ({
  access: opaque(220),
  id: jwt({
    ...times,
    iss: 'https://accounts.google.com',
    azp: `${opaque(45)}.apps.googleusercontent.com`,
    aud: `${opaque(45)}.apps.googleusercontent.com`,
    sub: '110169484474386276334',
    ...person,
    email_verified: true,
    at_hash: opaque(22),
    picture: `https://lh3.googleusercontent.com/a/${opaque(50)}=s96-c`,
  }),
  refresh: opaque(103),
  groups: [],
});

const okta = (groups) => {
  const shared = {
    ...times,
    ver: 1,
    iss: 'https://example.okta.com/oauth2/default',
    sub: opaque(20),
    jti: opaque(50),
  };
  const access = {
    ...shared,
    aud: 'api://default',
    cid: opaque(20),
    uid: opaque(20),
    scp: ['openid', 'email'],
    groups,
  };
  const id = {
    ...shared,
    aud: opaque(20),
    amr: ['pwd'],
    idp: opaque(20),
    at_hash: opaque(22),
    ...person,
    groups,
  };
  return { access: jwt(access), id: jwt(id), refresh: opaque(43), groups };
};

const auth0 = () => {
  const shared = { ...times, iss: 'https://example.eu.auth0.com/', sub: `auth0|${opaque(24)}` };
  const audience = ['https://api.example.com', 'https://example.eu.auth0.com/userinfo'];
  const access = { ...shared, aud: audience, azp: opaque(32), scope: 'openid profile email offline_access' };
  return {
    access: jwt(access),
    id: jwt({ ...shared, aud: opaque(32), ...person, sid: opaque(32) }),
    refresh: opaque(64),
    groups: [],
  };
};

const cases = [
  ['Keycloak, 10 roles', keycloak(names(10))],
  ['Keycloak, 100 roles', keycloak(names(100))],
  ['Microsoft Entra ID, no groups', entra([])],
  ['Microsoft Entra ID, 50 groups', entra(uuids(50))],
  ['Microsoft Entra ID, 200 groups', entra(uuids(200))],
  ['Google', google()],
  ['Okta, 10 groups', okta(names(10))],
  ['Auth0, access token for an API', auth0()],
];

const attributes = { secure: true, sameSite: 'lax', path: '/', domain: undefined };
const maxBytes = 64 * 1024;
const writer = createCookieWriter({ name: '__Host-sallyport', attributes, maxBytes, persistent: false });
const store = createCookieStore(writer, createKeyRing([randomBytes(32)]), { warn: () => {} });
const kib = (bytes) => (bytes / 1024).toFixed(1);

console.log('| provider | tokens (KiB) | in cookies (KiB) | cookies |');
console.log('| --- | --- | --- | --- |');
for (const [label, { access, id, refresh, groups }] of cases) {
  const session = {
    id: opaque(22),
    provider: 'default',
    subject: randomUUID(),
    providerSessionId: randomUUID(),
    claims: { sub: randomUUID(), preferred_username: 'ada', email: person.email, name: person.name, groups },
    accessToken: access,
    accessTokenExpiresAt: times.exp,
    refreshAt: times.exp - 60,
    refreshToken: refresh,
    idToken: id,
    createdAt: times.iat,
    seenAt: times.iat,
    expiresAt: times.exp,
  };
  const size = (lines) => lines.reduce((sum, line) => sum + line.split(';', 1)[0].length, 0);
  let fits;
  try {
    const lines = await store.create(session, []);
    fits = `${kib(size(lines))} | ${lines.length}`;
  } catch {
    fits = 'too large | keep sessions in Redis';
  }
  console.log(`| ${label} | ${kib(access.length + id.length + refresh.length)} | ${fits} |`);
}
