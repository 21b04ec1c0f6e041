import type { ProviderConfig } from '../../config/schema/index.ts';

/** What a token request says of the resources that the token is for (RFC 8707 §2.2). */
export function resourceParameters({ resource = [] }: ProviderConfig): URLSearchParams {
  return new URLSearchParams(resource.map((each): [string, string] => ['resource', each]));
}
