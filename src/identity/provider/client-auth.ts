import {
  type ClientAuth,
  ClientSecretJwt,
  ClientSecretPost,
  type ModifyAssertionOptions,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  type ServerMetadata,
  TlsClientAuth,
} from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { clientSecretBasic } from './client-secret-basic.ts';
import { platformAssertion } from './platform-assertion.ts';
import type { SigningKey } from './private-key.ts';

export type ClientAuthMethod = NonNullable<ProviderConfig['clientAuth']>;

/** How the gateway authenticates: as configured, else by what it has and what the provider supports. */
export function clientAuthMethod(config: ProviderConfig, server: ServerMetadata): ClientAuthMethod {
  if (config.clientAuth !== undefined) return config.clientAuth;
  if (config.clientSecret !== undefined || config.secretFromKey) return supportedSecretMethod(server);
  if (config.clientAssertionFile) return 'private_key_jwt';
  if (config.privateKey !== undefined) return 'private_key_jwt';
  return config.tls === undefined ? 'none' : 'tls_client_auth';
}

/** RFC 8414 §2: absent means client_secret_basic. */
export function supportedSecretMethod(server: ServerMetadata): 'client_secret_basic' | 'client_secret_post' {
  const supported = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return supported.includes('client_secret_basic') || !supported.includes('client_secret_post')
    ? 'client_secret_basic'
    : 'client_secret_post';
}

export interface ClientAuthNeeds {
  /** The private key, where the method signs with one. */
  key: SigningKey | undefined;
  /** The URL of the endpoint that is asked. */
  endpoint: string | undefined;
}

/** What authenticates a call to the token endpoint and its like (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2). */
export function createClientAuth(
  config: ProviderConfig,
  server: ServerMetadata,
  { key, endpoint }: ClientAuthNeeds,
): ClientAuth {
  const { clientSecret = '', clientAssertionFile } = config;
  const method = clientAuthMethod(config, server);
  if (clientAssertionFile && method === 'private_key_jwt') return platformAssertion(clientAssertionFile);
  const assertion = { [modifyAssertion]: assertionFor(config, server, { key, endpoint }) };
  switch (method) {
    case 'client_secret_basic':
      return secretAuthBy('client_secret_basic', clientSecret);
    case 'client_secret_post':
      return secretAuthBy('client_secret_post', clientSecret);
    case 'client_secret_jwt':
      return ClientSecretJwt(clientSecret, assertion);
    case 'private_key_jwt':
      if (!key) throw new Error('private_key_jwt needs a privateKey');
      return PrivateKeyJwt(libraryKey(key), assertion);
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return TlsClientAuth();
    case 'none':
      return None();
  }
}

/** A client's own name and secret. */
export interface Credentials {
  clientId: string;
  clientSecret: string;
}

/** What authenticates another client of the provider, by its secret. */
export function secretAuth({ clientSecret }: Credentials, server: ServerMetadata): ClientAuth {
  return secretAuthBy(supportedSecretMethod(server), clientSecret);
}

/** What authenticates by a secret in the header, or in the form (RFC 6749 §2.3.1). */
export function secretAuthBy(
  method: 'client_secret_basic' | 'client_secret_post',
  clientSecret: string,
): ClientAuth {
  return method === 'client_secret_post' ? ClientSecretPost(clientSecret) : clientSecretBasic(clientSecret);
}

/** The form in which openid-client takes a key; it wants a key id to be absent rather than undefined. */
export function libraryKey({ key, kid }: SigningKey): { key: SigningKey['key']; kid?: string } {
  return kid === undefined ? { key } : { key, kid };
}

type ModifyAssertion = NonNullable<ModifyAssertionOptions[typeof modifyAssertion]>;

function assertionFor(
  { assertionAudience }: ProviderConfig,
  server: ServerMetadata,
  { key, endpoint }: ClientAuthNeeds,
): ModifyAssertion {
  return (header, payload) => {
    // The library says Ed25519, the newer name of RFC 9864, which few providers know yet.
    if (key && header.alg !== 'HS256') header.alg = key.alg;
    const audience = assertionAudience === 'tokenEndpoint' ? server.token_endpoint : endpoint;
    if (assertionAudience !== 'issuer' && audience !== undefined) payload.aud = audience;
  };
}
