import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import type { AssertionConfig } from '../config/schema/index.ts';
import type { CompiledTemplate } from './template.ts';
import type { TemplatePerson } from './template-values.ts';

/**
 * The signed identity assertion: a JWT (RFC 7519, ES256 of RFC 7518 §3.4) with which an upstream can verify
 * that the gateway spoke. Its keys follow from the session secrets and the time, so that workers and instances
 * sign alike, keys rotate by themselves, and nothing has to be stored.
 */

interface SigningKey {
  kid: string;
  key: KeyObject;
  jwk: JsonWebKey;
}

/** RFC 7517 §5. */
export interface KeySet {
  keys: JsonWebKey[];
}

export interface Assertions {
  /** The header's value for one request; undefined where nobody is signed in. */
  compile(config: AssertionConfig): CompiledTemplate;
  /** The public keys: of the present, and of the times before and after it. */
  keySet(): KeySet;
}

export interface AssertionSource {
  /** The secrets of the session, the first of which signs. */
  secrets: readonly Uint8Array[];
  /** `iss`: the origin that browsers see. */
  issuer: string;
  /** Each length of a key's life that is configured, in milliseconds. */
  rotations: Iterable<number>;
}

export function createAssertions(source: AssertionSource, now: () => number): Assertions {
  const { secrets, issuer } = source;
  const [first] = secrets;
  if (first === undefined) throw new Error('a key ring needs at least one secret');
  const remembered = new Map<string, SigningKey>();
  const keyAt = (secret: Uint8Array, rotation: number, period: number): SigningKey => {
    const id = `${secrets.indexOf(secret)} ${rotation} ${period}`;
    const key = remembered.get(id) ?? deriveSigningKey(secret, rotation, period);
    remembered.set(id, key);
    return key;
  };
  return {
    compile({ audience, ttl, rotation }) {
      const aud = audience.length === 1 ? audience[0] : audience;
      return ({ person }) => {
        if (!person) return;
        const iat = Math.floor(now() / 1000);
        const { kid, key } = keyAt(first, rotation, Math.floor(now() / rotation));
        const claims = { iss: issuer, aud, ...identity(person), iat, exp: iat + ttl / 1000 };
        return signJwt({ alg: 'ES256', typ: 'JWT', kid }, { ...claims, jti: randomUUID() }, key);
      };
    },
    keySet() {
      const keys = new Map<string, JsonWebKey>();
      for (const rotation of new Set(source.rotations)) {
        const present = Math.floor(now() / rotation);
        for (const id of remembered.keys()) {
          const [, , period = '0'] = id.split(' ');
          if (id.includes(` ${rotation} `) && Number(period) < present - 1) remembered.delete(id);
        }
        for (const secret of secrets) {
          for (const period of [present, present - 1, present + 1]) {
            const { kid, jwk } = keyAt(secret, rotation, period);
            keys.set(kid, jwk);
          }
        }
      }
      return { keys: [...keys.values()] };
    },
  };
}

function identity({ claims, user, email, groups }: TemplatePerson) {
  return {
    sub: claims.sub ?? user,
    ...(email !== undefined && { email }),
    ...(groups.length > 0 && { groups }),
  };
}

/** Order of the curve P-256 (FIPS 186-5), less one. */
const orderLessOne = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550n;

/** 48 bytes of HKDF (RFC 5869) modulo the order: the bias is below 2^-64 (FIPS 186-5 A.2.1). */
function deriveSigningKey(secret: Uint8Array, rotation: number, period: number): SigningKey {
  const info = `sallyport/v1/assertion/${rotation}/${period}`;
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', info, 48));
  const scalar = (BigInt(`0x${bytes.toString('hex')}`) % orderLessOne) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const publicJwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const key = createPrivateKey({ key: { ...publicJwk, d: d.toString('base64url') }, format: 'jwk' });
  const kid = publicJwk.x.slice(0, 16);
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  return { kid, key, jwk: { ...jwk, kid, alg: 'ES256', use: 'sig' } };
}

/** Signed at once rather than by a promise: requests of people who are signed in wait for nothing. */
function signJwt(header: object, claims: object, key: KeyObject): string {
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
