import { errors } from 'jose';
import type { ServerMetadata } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';

/** FAPI 2.0 Security Profile §5.4.1 lets these sign; RFC 9864 has the last as another name of EdDSA with Ed25519. */
export const fapi2Algorithms: readonly string[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];

/** A provider that does not state an algorithm signs with RS256 (OpenID Connect Core §3.1.3.7, item 7). */
const standardAlgorithm = 'RS256';

/** Every algorithm by which only the provider can sign. */
const everyAsymmetric: readonly string[] = [
  ...['RS', 'PS', 'ES'].flatMap((family) => ['256', '384', '512'].map((bits) => family + bits)),
  'EdDSA',
  'Ed25519',
];

const isAsymmetric = (name: string): boolean => everyAsymmetric.includes(name);

/** What a token is: the provider states the algorithms of each kind apart. */
export type TokenPurpose =
  | 'ID token'
  | 'logout token'
  | 'userinfo answer'
  | 'authorization response'
  | 'access token';

/** What of a configuration says which algorithms count. */
export interface AlgorithmChoice {
  /** Those of `idTokenAlgorithms`: they count, whatever the provider states. */
  chosen?: readonly string[] | undefined;
  /** The only ones of what the provider states that count; undefined for all that are asymmetric. */
  only?: readonly string[] | undefined;
}

/** The choice that the configuration of a provider makes. */
export function algorithmChoice({
  idTokenAlgorithms,
  profile,
}: Pick<ProviderConfig, 'idTokenAlgorithms' | 'profile'>): AlgorithmChoice {
  return { chosen: idTokenAlgorithms, only: profile === 'fapi2' ? fapi2Algorithms : undefined };
}

/**
 * The algorithms that a token may be signed with. Never `none`; and one with a key that both sides share (HMAC) only
 * where the configuration names it, since the provider is not the only one who can sign with it.
 */
export function allowedAlgorithms(
  purpose: TokenPurpose,
  server: Partial<ServerMetadata>,
  { chosen, only }: AlgorithmChoice,
): readonly string[] {
  const isOfIdTokens = purpose !== 'authorization response' && purpose !== 'access token';
  if (chosen && isOfIdTokens) return chosen;
  const fitting = (names: readonly string[]) =>
    names.filter((name) => isAsymmetric(name) && (only?.includes(name) ?? true));
  const stated = (names: unknown) => fitting(listIn(names) ?? only ?? [standardAlgorithm]);
  const ofIdTokens = stated(server.id_token_signing_alg_values_supported);
  switch (purpose) {
    case 'ID token':
      return ofIdTokens;
    case 'logout token':
      // OpenID Connect Registration §2: where a client says nothing else, it is registered for RS256.
      return ofIdTokens.includes(standardAlgorithm) ? [standardAlgorithm] : ofIdTokens;
    case 'userinfo answer':
      return fitting(listIn(server.userinfo_signing_alg_values_supported) ?? everyAsymmetric);
    case 'authorization response':
      return stated(server.authorization_signing_alg_values_supported);
    case 'access token':
      // The metadata states nothing of these, and they are never keyed with the client secret.
      return everyAsymmetric;
  }
}

/** What a provider states is whatever it likes to. */
function listIn(stated: unknown): readonly string[] | undefined {
  return Array.isArray(stated) ? stated.filter((name) => typeof name === 'string') : undefined;
}

/** Whether a token of this algorithm is checked with the client secret (RFC 7518 §3.2, OpenID Connect Core §10.1). */
export const isKeyedWithSecret = (algorithm: string): boolean => /^HS(256|384|512)$/.test(algorithm);

/** The bytes that a secret needs for an algorithm that is keyed with it (RFC 7518 §3.2). */
export const secretBytesFor = (algorithm: string): number => Number(algorithm.slice(2)) / 8;

/** A token is signed with an algorithm that does not count here. */
export class AlgorithmRefused extends errors.JOSEError {
  override readonly name = 'AlgorithmRefused';
  /** As the token names it, as far as it is a name. */
  readonly algorithm: string;
  readonly allowed: readonly string[];

  constructor(purpose: TokenPurpose, algorithm: unknown, allowed: readonly string[]) {
    const seen = nameOf(algorithm);
    super(
      `the ${purpose} is signed with ${seen}, and ${listed(allowed)} counts: ${remedyFor(seen, allowed)}`,
    );
    this.algorithm = seen;
    this.allowed = allowed;
  }
}

/** A name of an algorithm; what a token has in its place is not repeated. */
function nameOf(algorithm: unknown): string {
  return typeof algorithm === 'string' && /^[A-Za-z0-9-]{1,20}$/.test(algorithm) ? algorithm : 'no algorithm';
}

/** In words. */
export const listed = (allowed: readonly string[]): string =>
  allowed.length === 0 ? 'no algorithm that it states' : allowed.join(', ');

function remedyFor(seen: string, allowed: readonly string[]): string {
  const there = allowed.length === 0 ? '' : `, or have the provider sign with ${allowed.join(' or ')}`;
  if (isAsymmetric(seen)) return `set idTokenAlgorithms: [${seen}] where that is as it should be${there}`;
  if (!isKeyedWithSecret(seen)) return 'have the provider sign with RS256';
  const bytes = secretBytesFor(seen);
  return `have the provider sign with RS256, or set idTokenAlgorithms: [${seen}], with a clientSecret of ${bytes} bytes or more`;
}
