import type { Configuration } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import type { Credentials } from './client-auth.ts';
import type { ProviderFetch } from './http.ts';
import type { ProviderMetadata } from './library.ts';
import type { SigningKey } from './private-key.ts';
import type { VerifyUserinfo } from './signed-userinfo.ts';

/** Which client object of the library a call is made with. */
export interface ClientChoice {
  /** Milliseconds for one call; unset, as configured. */
  timeout?: number | undefined;
  /** For answers of one issuer of several, with what sends the call. */
  of?: { issuer: string; fetch: ProviderFetch } | undefined;
  /** Another client than the gateway. */
  as?: Credentials | undefined;
  /** The endpoint that is asked; unset, the token endpoint. */
  asks?: AskedEndpoint;
  /** What sends the call, in place of what sends all of them. */
  fetch?: ProviderFetch | undefined;
}

/** The endpoints beside the token endpoint at which the gateway authenticates. */
export type AskedEndpoint =
  | 'introspection_endpoint'
  | 'revocation_endpoint'
  | 'pushed_authorization_request_endpoint';

/** What the verbs of a `ProviderClient` are made of. The functions throw GatewayError 503 while it was never reached. */
export interface VerbNeeds {
  config: ProviderConfig;
  fetch: ProviderFetch;
  metadata(): ProviderMetadata;
  client(choice?: ClientChoice): Configuration;
  /** What signs request objects. */
  signingKey(): SigningKey | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  verifyUserinfo: VerifyUserinfo;
}
