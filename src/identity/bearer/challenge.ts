import { proofAlgorithms } from './dpop.ts';

/** What a `WWW-Authenticate` of this gateway tells a client. */
export interface Challenge {
  /** The scheme that the token came with; without a token both are named where both may do. */
  scheme: 'Bearer' | 'DPoP';
  /** The public origin that was asked. */
  realm: string;
  error?: string | undefined;
  description?: string | undefined;
  /** What the token has to be good for. */
  scope?: string | undefined;
  /** Where the metadata of the resource is (RFC 9728 §5.1). */
  resourceMetadata?: string | undefined;
  /** The authentication context classes that would do (RFC 9470 §3). */
  acrValues?: string | undefined;
  /** How old the authentication may be, in seconds (RFC 9470 §3). */
  maxAge?: number | undefined;
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1). All that comes in is of the configuration or of
 * this gateway, in characters that need no escape.
 */
export function challengeHeader({
  scheme,
  realm,
  error,
  description,
  scope,
  resourceMetadata,
  acrValues,
  maxAge,
}: Challenge): string {
  const parameters: [name: string, value: string | number | undefined][] = [
    ['realm', realm],
    ['error', error],
    ['error_description', description],
    ['scope', scope],
    ['acr_values', acrValues],
    ['max_age', maxAge],
    ['resource_metadata', resourceMetadata],
    ['algs', scheme === 'DPoP' ? proofAlgorithms.join(' ') : undefined],
  ];
  const written = parameters.flatMap(([name, value]) => (value === undefined ? [] : `${name}="${value}"`));
  return `${scheme} ${written.join(', ')}`;
}
