import { createHash, createHmac, randomBytes, randomUUID, sign } from 'node:crypto';
import { rsaKeyPair } from './rsa.ts';

/** The tokens of one person. */
export interface TokenSet {
  accessToken: string;
  idToken: string;
  refreshToken: string;
  /** Seconds that the access token lasts. */
  expiresIn: number;
}

/** Who the tokens are for. */
export interface TokenContext {
  issuer: string;
  clientId: string;
  /** The one of the login, as it is in every ID token of a gateway that asks for it. */
  nonce: string;
  /** Seconds since the epoch. */
  now: number;
}

type Claims = Record<string, unknown>;

const keyOwner = 'token sets';
/** Of the keys of a provider: 32 bytes, as a thumbprint has. */
const keyId = randomBytes(32).toString('base64url');

/** The public key that ID tokens are signed with, for the keys of a provider. */
export const tokenSetKey = (): Claims => ({
  ...rsaKeyPair(keyOwner).publicKey.export({ format: 'jwk' }),
  ...{ kid: keyId, alg: 'RS256', use: 'sig' },
});

const part = (text: string) => Buffer.from(text, 'utf8').toString('base64url');
/** Letters of base64url, of which no bytes need to be made. */
const random = (letters: number) => randomBytes(letters).toString('base64url').slice(0, letters);
const times = (count: number, make: () => string) => Array.from({ length: count }, make);

/** A token that is signed by RS256 with 2048 bits. @param header as the provider writes it, blanks and all */
function signed(claims: Claims, header = `{"alg":"RS256","kid":"${keyId}","typ":"JWT"}`): string {
  const input = `${part(header)}.${part(JSON.stringify(claims))}`;
  return `${input}.${sign('sha256', Buffer.from(input), rsaKeyPair(keyOwner).privateKey).toString('base64url')}`;
}

/** OpenID Connect Core §3.1.3.6. */
const hashOf = (accessToken: string) =>
  createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');

const person = { name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', email: 'ada@example.com' };

/** Keycloak 26.7, with the group mapper and an audience; members, order and blanks as it writes them. */
function keycloak(groups: readonly string[]) {
  return ({ issuer, clientId, nonce, now }: TokenContext): TokenSet => {
    const header = `{"alg":"RS256","typ" : "JWT","kid" : "${keyId}"}`;
    const [sub, sid] = [randomUUID(), random(24)];
    const begins = (lasts: number, id: string) => ({
      exp: now + lasts,
      iat: now,
      auth_time: now,
      jti: id,
      iss: issuer,
    });
    const ends = {
      email_verified: true,
      name: person.name,
      groups,
      preferred_username: 'ada',
      given_name: person.given_name,
      family_name: person.family_name,
      email: person.email,
    };
    const accessToken = signed(
      {
        ...begins(300, `onrtac:${randomUUID()}`),
        ...{ aud: ['https://app.example.com', 'account'], sub, typ: 'Bearer', azp: clientId, sid, acr: '1' },
        'allowed-origins': ['https://app.example.com'],
        realm_access: { roles: ['offline_access', 'uma_authorization', 'default-roles-main'] },
        resource_access: { account: { roles: ['manage-account', 'manage-account-links', 'view-profile'] } },
        scope: 'openid email profile',
        ...ends,
      },
      header,
    );
    const ofId = {
      aud: clientId,
      sub,
      typ: 'ID',
      azp: clientId,
      nonce,
      sid,
      at_hash: hashOf(accessToken),
      acr: '1',
    };
    const idToken = signed({ ...begins(300, randomUUID()), ...ofId, ...ends }, header);
    const { auth_time: _, ...refresh } = begins(1800, randomUUID());
    const claims = {
      ...refresh,
      ...{ aud: issuer, sub, typ: 'Refresh', azp: clientId, sid },
      scope: 'openid web-origins email profile basic roles acr',
      ...{ aud_x: ['https://app.example.com', 'account'], prov: 'default' },
    };
    const input = `${part(`{"alg":"HS512","typ" : "JWT","kid" : "${randomUUID()}"}`)}.${part(JSON.stringify(claims))}`;
    const signature = createHmac('sha512', randomBytes(64)).update(input).digest('base64url');
    return { accessToken, idToken, refreshToken: `${input}.${signature}`, expiresIn: 300 };
  };
}

/** Microsoft Entra ID, v2.0 tokens of an API of one's own. */
function entra(groups: readonly string[]) {
  return ({ issuer, clientId, nonce, now }: TokenContext): TokenSet => {
    const header = `{"typ":"JWT","alg":"RS256","kid":"${keyId}"}`;
    const [oid, tid, sub] = [randomUUID(), randomUUID(), random(43)];
    const begins = { iss: issuer, iat: now, nbf: now, exp: now + 4500 };
    const ids = { oid, preferred_username: person.email, rh: `1.A${random(42)}.`, sid: randomUUID() };
    const ends = { sub, tid, uti: random(22), ver: '2.0' };
    const access = {
      ...{ aud: randomUUID(), ...begins, aio: random(128), azp: clientId, azpacr: '1', groups },
      ...{ name: person.name, ...ids, scp: 'access_as_user', ...ends },
    };
    const idClaims = {
      ...{ aud: clientId, ...begins, email: person.email, groups, name: person.name, nonce, ...ids, ...ends },
    };
    const refreshToken = `1.A${random(60)}.${random(1200)}`;
    return {
      accessToken: signed(access, header),
      idToken: signed(idClaims, header),
      refreshToken,
      expiresIn: 4500,
    };
  };
}

function googleTokens({ issuer, clientId, nonce, now }: TokenContext, accessToken: string): TokenSet {
  const refreshToken = `1//0${random(99)}`;
  const idToken = signed({
    ...{ iss: issuer, azp: clientId, aud: clientId, sub: '110169484474386276334', hd: 'example.com' },
    ...{ email: person.email, email_verified: true, at_hash: hashOf(accessToken), nonce, name: person.name },
    picture: `https://lh3.googleusercontent.com/a/${random(50)}=s96-c`,
    ...{ given_name: person.given_name, family_name: person.family_name, iat: now, exp: now + 3600 },
  });
  return { accessToken, idToken, refreshToken, expiresIn: 3599 };
}

function okta(groups: readonly string[]) {
  return ({ issuer, clientId, nonce, now }: TokenContext): TokenSet => {
    const header = `{"kid":"${keyId}","alg":"RS256"}`;
    const sub = `00u${random(17)}`;
    const [begins, id] = [{ iat: now, exp: now + 3600 }, `ID.${random(43)}`];
    const access = {
      ...{ ver: 1, jti: `AT.${random(43)}.oar${random(17)}`, iss: issuer, aud: 'api://default' },
      ...{ ...begins, cid: clientId, uid: sub },
      ...{ scp: ['offline_access', 'openid', 'email', 'profile'], auth_time: now, sub: person.email, groups },
    };
    const accessToken = signed(access, header);
    const idClaims = {
      ...{ sub, name: person.name, email: person.email, ver: 1, iss: issuer, aud: clientId },
      ...{ ...begins, jti: id, amr: ['pwd'], idp: `00o${random(17)}`, nonce },
      ...{ preferred_username: person.email, auth_time: now, at_hash: hashOf(accessToken), groups },
    };
    return { accessToken, idToken: signed(idClaims, header), refreshToken: random(43), expiresIn: 3600 };
  };
}

function auth0({ issuer, clientId, nonce, now }: TokenContext): TokenSet {
  const header = `{"alg":"RS256","typ":"JWT","kid":"${keyId.slice(0, 21)}"}`;
  const sub = `auth0|${randomBytes(12).toString('hex')}`;
  const idToken = signed(
    {
      ...{
        given_name: person.given_name,
        family_name: person.family_name,
        nickname: 'ada',
        name: person.name,
      },
      picture: `https://s.gravatar.com/avatar/${randomBytes(16).toString('hex')}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fal.png`,
      ...{ updated_at: '2026-11-27T08:15:30.123Z', email: person.email, email_verified: true, iss: issuer },
      ...{ aud: clientId, sub, iat: now, exp: now + 36000, sid: random(32), nonce },
    },
    `{"alg":"RS256","typ":"JWT","kid":"${keyId}"}`,
  );
  const access = {
    ...{
      iss: issuer,
      sub,
      aud: ['https://api.example.com', `${issuer}/userinfo`],
      iat: now,
      exp: now + 86400,
    },
    ...{ scope: 'openid profile email offline_access', azp: clientId },
    permissions: ['read:reports', 'write:reports', 'read:users'],
  };
  return { accessToken: signed(access, header), idToken, refreshToken: `v1.${random(61)}`, expiresIn: 86400 };
}

function cognito({ issuer, clientId, nonce, now }: TokenContext): TokenSet {
  const header = `{"kid":"${keyId}","alg":"RS256"}`;
  const [sub, origin, event] = [randomUUID(), randomUUID(), randomUUID()];
  const shared = { origin_jti: origin, event_id: event };
  const groups = ['staff', 'eu-west-1_a1B2c3D4e_Corp'];
  const access = {
    ...{ sub, 'cognito:groups': groups, iss: issuer, version: 2, client_id: clientId, ...shared },
    ...{ token_use: 'access', scope: 'openid profile email', auth_time: now, exp: now + 3600, iat: now },
    ...{ jti: randomUUID(), username: sub },
  };
  const accessToken = signed(access, header);
  const idClaims = {
    ...{ at_hash: hashOf(accessToken), sub, 'cognito:groups': groups, email_verified: true, iss: issuer },
    ...{ 'cognito:username': sub, nonce, ...shared, aud: clientId, token_use: 'id', auth_time: now },
    ...{ exp: now + 3600, iat: now, jti: randomUUID(), email: person.email },
  };
  // A JWE whose content nobody but the provider reads.
  const refreshHeader = part('{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}');
  const encrypted = [256, 12, 825, 16].map((bytes) => randomBytes(bytes).toString('base64url'));
  const refreshToken = [refreshHeader, ...encrypted].join('.');
  return { accessToken, idToken: signed(idClaims, header), refreshToken, expiresIn: 3600 };
}

/** The tokens of Google, but for an access token that nobody can look into, of 4 KiB. */
const opaque = (context: TokenContext) => googleTokens(context, random(4096));

/** Random names and identifiers: what is alike in them would be compressed. */
const names = (count: number) => times(count, () => randomBytes(12).toString('base64url'));
const uuids = (count: number) => times(count, randomUUID);

/** Token sets with the claims that the providers write, random where they are random. Each call makes others. */
export const tokenSets: Readonly<Record<string, (context: TokenContext) => TokenSet>> = {
  'Keycloak, 2 groups': keycloak(['staff', 'admins']),
  'Keycloak, 40 random groups': keycloak(names(40)),
  'Keycloak, 200 random groups': keycloak(names(200)),
  'Microsoft Entra ID, no groups': entra([]),
  'Microsoft Entra ID, 80 groups': entra(uuids(80)),
  'Microsoft Entra ID, 200 groups': entra(uuids(200)),
  Google: (context) => googleTokens(context, `ya29.a0${random(211)}`),
  'Okta, 10 groups': okta(times(10, () => `department-${random(6)}`)),
  'Auth0, access token for an API': auth0,
  'Amazon Cognito': cognito,
  'An opaque access token of 4 KiB': opaque,
};
