import {
  decodeProtectedHeader,
  errors,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import {
  type AlgorithmChoice,
  AlgorithmRefused,
  allowedAlgorithms,
  isKeyedWithSecret,
  secretBytesFor,
  type TokenPurpose,
} from './algorithms.ts';
import { type FetchedKeys, type KeySet, KeysUnavailable } from './key-set.ts';
import type { ProviderMetadata } from './library.ts';

/** The keys that a provider signs with. */
export interface ProviderKeys {
  /**
   * Verifies a token: signature, algorithm and what the options name. Keys are fetched again when none fits, so
   * that a rotation is no failure, yet only so often. Rejects with KeysUnavailable or an error of jose.
   */
  verify(token: string, options: JWTVerifyOptions, purpose?: TokenPurpose): Promise<JWTVerifyResult>;
  /** Changes whenever the keys were fetched anew, so that what was verified before can be looked at again. */
  generation(): number;
}

export interface KeySource extends AlgorithmChoice {
  /** Where the keys are. */
  metadata(): ProviderMetadata | Promise<ProviderMetadata>;
  keySet: KeySet;
  /** What algorithms that are keyed with a secret are keyed with. */
  clientSecret?: string | undefined;
}

/** What verifies with the keys of an issuer. */
export function createProviderKeys({ metadata, keySet, clientSecret, ...choice }: KeySource): ProviderKeys {
  return {
    generation: keySet.generation,
    async verify(token, options, purpose = 'ID token') {
      const server = await metadata();
      const algorithms = [...allowedAlgorithms(purpose, server, choice)];
      const alg = algorithmOf(token);
      if (!algorithms.includes(alg)) throw new AlgorithmRefused(purpose, alg, algorithms);
      // What is keyed with the secret never sees a key that is public, nor the other way round.
      if (isKeyedWithSecret(alg)) return verifyWithSecret(token, clientSecret, alg, options);
      const { jwks_uri: uri } = server;
      if (uri === undefined) throw new KeysUnavailable('the provider names no keys');
      const known = await keySet.current(uri);
      const all = { ...options, algorithms: [alg] };
      try {
        return await verifyWith(token, known.set, all);
      } catch (error) {
        const isKeyMissing =
          error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
        const fresh = isKeyMissing ? await keySet.fresherThan(known) : undefined;
        if (!fresh) throw error;
        return verifyWith(token, fresh.set, all);
      }
    },
  };
}

/** What a token says that it is signed with; empty where it says nothing that is a text. */
function algorithmOf(token: string): string {
  try {
    const { alg } = decodeProtectedHeader(token);
    return typeof alg === 'string' ? alg : '';
  } catch (cause) {
    throw new errors.JWSInvalid('its header cannot be read', { cause });
  }
}

/** OpenID Connect Core §10.1: the key is the UTF-8 of the client secret, which has to be long enough for it. */
function verifyWithSecret(
  token: string,
  clientSecret: string | undefined,
  alg: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  const key = new TextEncoder().encode(clientSecret);
  if (key.length < secretBytesFor(alg)) throw new errors.JWSInvalid('the client secret is too short for it');
  return jwtVerify(token, key, { ...options, algorithms: [alg] });
}

/** Without a kid several keys may fit: each is tried. */
async function verifyWith(
  token: string,
  set: FetchedKeys['set'],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, set, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const only: JWTVerifyGetKey = () => key;
      try {
        return await jwtVerify(token, only, options);
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}
