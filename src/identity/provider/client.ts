import type { DPoPHandle } from 'openid-client';
import type { Claims } from '../claims/user-claims.ts';
import type { DpopKey } from '../tokens/dpop-key.ts';
import type { Tokens } from '../tokens/tokens.ts';
import type { Credentials } from './client-auth.ts';
import type { ProviderMetadata } from './library.ts';

/** Proves the possession of a key (RFC 9449) in calls to one provider; nobody looks into it. */
export type DpopProof = DPoPHandle;

/** An access token, and what proves that it is held. */
export interface TokenInHand {
  accessToken: string;
  /** Proves the key that the access token is bound to. */
  proof?: DpopProof | undefined;
}

/** What an authorization response has to fit, of the login that it ends. */
export interface CodeChecks {
  state: string;
  nonce: string;
  /** RFC 7636 §4.1. */
  codeVerifier: string;
  /** Seconds: how old the sign-in may be; undefined for any. */
  maxAge: number | undefined;
}

/** The answer of a token introspection (RFC 7662 §2.2). */
export type Introspection = Readonly<Record<string, unknown>> & {
  active: boolean;
  exp?: number;
  nbf?: number;
  iss?: string;
};

/** The calls to a token endpoint. */
export interface TokenVerbs {
  /**
   * Exchanges the code of an authorization response (RFC 6749 §4.1.3), and checks the response and the ID token but
   * for its signature.
   * @param response the redirect URI with the parameters that came to it
   */
  exchangeCode(response: URL, checks: CodeChecks, proof: DpopProof | undefined): Promise<Tokens>;
  /**
   * Uses a refresh token (RFC 6749 §6). It is waited for longer than for anything else: the answer may hold the only
   * refresh token there is.
   * @param parameters what is asked for beside; unset, the resources of the configuration
   */
  refresh(refreshToken: string, proof: DpopProof | undefined, parameters?: URLSearchParams): Promise<Tokens>;
  /** Exchanges an access token for another (RFC 8693 §2.1). */
  exchangeToken(subjectToken: string, parameters: URLSearchParams): Promise<Tokens>;
  /** Takes a token of the client's own (RFC 6749 §4.4). @param as another client than the gateway */
  takeClientToken(parameters: URLSearchParams, as?: Credentials): Promise<Tokens>;
  /** Asks with a code or a refresh token that was made up: a server that works refuses it. */
  probe(grant: 'authorization_code' | 'refresh_token'): Promise<void>;
  /** What proves a key; undefined for a session without one. */
  proofOf(key: DpopKey | undefined): Promise<DpopProof | undefined>;
}

/** The calls with, and about, a token that is in hand. */
export interface ResourceVerbs {
  /** The claims of userinfo (OpenID Connect Core §5.3). Rejects where they are about another subject. */
  userinfo(token: TokenInHand, subject: string): Promise<Claims>;
  /** GET with the access token (RFC 6750 §2.1); rejects for everything but JSON with the status 200. */
  get(token: TokenInHand, address: URL): Promise<{ body: unknown; link: string | null }>;
  /** Looks a token up (RFC 7662). */
  introspect(token: string): Promise<Introspection>;
  /**
   * Tells that a token is done with (RFC 7009); where the provider has no endpoint for that, nothing.
   * @param key that the token is bound to: some take a bound token back only from who proves to hold it
   */
  revoke(token: string, hint: 'access_token' | 'refresh_token', key?: DpopKey): Promise<void>;
}

/** The addresses that a browser is sent to. */
export interface BrowserVerbs {
  /** The authorization endpoint with these parameters (RFC 6749 §4.1.1). */
  authorizationUrl(parameters: URLSearchParams): URL;
  /** The same with a reference to the parameters, which are pushed (RFC 9126). */
  push(parameters: URLSearchParams): Promise<URL>;
  /** The parameters as a request object that the gateway signed (RFC 9101). */
  signRequest(parameters: URLSearchParams): Promise<URLSearchParams>;
  /** Where the sign-in at the provider ends (OpenID Connect RP-Initiated Logout 1.0 §2). */
  endSessionUrl(parameters: Record<string, string>): string;
}

/**
 * Every call to a provider, by what it is for. Each rejects with GatewayError 503 while the provider was never
 * reached, and else with an error whose meaning `verdict.ts` knows.
 */
export interface ProviderClient extends TokenVerbs, ResourceVerbs, BrowserVerbs {
  /** What the provider states of itself. Throws GatewayError 503 while it was never reached. */
  metadata(): ProviderMetadata;
}
