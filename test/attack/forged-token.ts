import type { KeyObject } from 'node:crypto';
import { CompactSign, type CryptoKey, decodeJwt, exportJWK, importJWK, type JWK } from 'jose';
import type { ProviderHit, Tamper, TestProvider } from '../support/provider.ts';
import { rsaKeyPair } from '../support/rsa.ts';

export type Claims = Record<string, unknown>;

/** What the token endpoint answers. */
export type TokenResponse = Record<string, unknown>;

/** What jose can sign with. */
export type SigningKey = CryptoKey | KeyObject | Uint8Array;

/** Signs claims as they are: jose's own builder would refuse or mend some of them. */
export async function signClaims(
  claims: Claims,
  { key, alg = 'RS256', kid, header = {} }: { key: SigningKey; alg?: string; kid?: string; header?: object },
): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  return new CompactSign(bytes)
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
    .sign(key);
}

/** A token of parts that nobody signed. */
export function assembled(header: object, claims: Claims, signature = ''): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** The key that the provider signs with, ready to sign something else. */
export async function providerKey(
  { keys }: TestProvider,
  alg: 'RS256' | 'ES256' = 'RS256',
): Promise<{ jwk: JWK; kid: string; key: SigningKey; alg: string }> {
  const jwk = keys.find((key) => key.alg === alg);
  if (jwk?.kid === undefined) throw new Error(`the provider has no key for ${alg}`);
  return { jwk, kid: jwk.kid, key: await importJWK(jwk, alg), alg };
}

/** A key pair that the provider does not know; each owner has its own. */
export async function foreignKey(
  kid = 'foreign',
  owner = 'stranger',
): Promise<{ key: SigningKey; kid: string; publicJwk: JWK }> {
  const { privateKey, publicKey } = rsaKeyPair(owner);
  return {
    key: privateKey,
    kid,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' },
  };
}

/** The public half of a key as providers publish it. */
export function publicHalf({ kty, kid, alg, use, n, e, crv, x, y }: JWK): JWK {
  const half = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
  return { ...half, kid, alg, use } as JWK;
}

/** The claims of the ID token in a token response. */
export const idTokenOf = ({ id_token }: TokenResponse): Claims => decodeJwt(String(id_token)) as Claims;

/** Lets the provider answer an exchange of a code with something else, made from what it would have said. */
export function alterTokens(
  alter: (tokens: TokenResponse) => TokenResponse | Promise<TokenResponse>,
): Tamper {
  return onPath('/token', async (hit) => {
    const original = await hit.original();
    const tokens = await alter(JSON.parse(original.body) as TokenResponse);
    hit.send({ ...original, body: JSON.stringify(tokens) });
  });
}

/** Lets the provider answer with an ID token of other claims, signed by its own key. */
export function alterClaims(provider: TestProvider, alter: (claims: Claims) => Claims): Tamper {
  return alterTokens(async (tokens) => {
    const key = await providerKey(provider);
    return { ...tokens, id_token: await signClaims(alter(idTokenOf(tokens)), key) };
  });
}

/** A tamper for one endpoint that lets every other one pass. */
export function onPath(path: string, tamper: (hit: ProviderHit) => void | Promise<void>): Tamper {
  return (hit) => (hit.path === path ? tamper(hit) : hit.pass());
}

/** Several tampers, each for its own endpoint: the first that answers counts. */
export function onPaths(tampers: Record<string, (hit: ProviderHit) => void | Promise<void>>): Tamper {
  return (hit) => tampers[hit.path]?.(hit) ?? (hit.path in tampers ? undefined : hit.pass());
}

/** Answers with JSON. */
export const sendJson = (hit: ProviderHit, value: unknown, status = 200): void =>
  hit.send({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
