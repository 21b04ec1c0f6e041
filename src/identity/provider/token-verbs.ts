import { randomBytes } from 'node:crypto';
import {
  authorizationCodeGrant,
  type Configuration,
  clientCredentialsGrant,
  genericGrantRequest,
  getDecryptedResponses,
  getDPoPHandle,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { importDpopKey } from '../tokens/dpop-key.ts';
import type { Tokens } from '../tokens/tokens.ts';
import type { CodeChecks, DpopProof, TokenVerbs } from './client.ts';
import { refreshTimeoutMs } from './http.ts';
import { resourceParameters } from './resource.ts';
import { askTokenEndpoint } from './tenants.ts';
import type { VerbNeeds } from './verb-needs.ts';
import { judgeError } from './verdict.ts';

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

/** A server that does not answer a probe in this time does not answer. */
const probeTimeoutMs = 2000;

/** The verbs of the token endpoint (RFC 6749 §3.2). */
export function tokenVerbs({ config, fetch, client }: VerbNeeds): TokenVerbs {
  /** Where each tenant has an issuer of its own, the answer says by which one it is to be checked. */
  const ask = (
    timeout: number,
    grant: (asking: Configuration) => Promise<LibraryTokens>,
    statedIssuer?: string | null,
  ) => {
    const clientOf = (of?: { issuer: string; fetch: VerbNeeds['fetch'] }) => client({ timeout, of });
    return askTokenEndpoint({ config, fetch, clientOf }, grant, statedIssuer).then(tokensOf);
  };
  const { timeout } = config;
  return {
    exchangeCode: async (response, checks, proof) =>
      ask(
        timeout,
        (asking) =>
          // The library writes into the checks.
          authorizationCodeGrant(
            asking,
            response,
            libraryChecks(config, checks),
            resourceParameters(config),
            withProof(proof),
          ),
        response.searchParams.get('iss'),
      ),
    refresh: async (refreshToken, proof, parameters = resourceParameters(config)) =>
      ask(refreshTimeoutMs, (asking) =>
        refreshTokenGrant(asking, refreshToken, parameters, withProof(proof)),
      ),
    async exchangeToken(subjectToken, parameters) {
      const sent = new URLSearchParams(parameters);
      sent.set('subject_token', subjectToken);
      sent.set('subject_token_type', accessTokenType);
      sent.set('requested_token_type', accessTokenType);
      return tokensOf(await genericGrantRequest(client(), exchangeGrant, sent));
    },
    takeClientToken: async (parameters, as) =>
      tokensOf(await clientCredentialsGrant(client({ as }), parameters)),
    async probe(grant) {
      const name = grant === 'refresh_token' ? 'refresh_token' : 'code';
      const madeUp = { [name]: `probe-${randomBytes(12).toString('base64url')}` };
      try {
        await genericGrantRequest(client({ timeout: probeTimeoutMs }), grant, madeUp);
      } catch (error) {
        if (judgeError(error).kind === 'unavailable') throw error;
      }
    },
    proofOf: async (key) =>
      key === undefined ? undefined : getDPoPHandle(client(), await importDpopKey(key)),
  };
}

type LibraryTokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

function tokensOf(answer: LibraryTokens): Tokens {
  const { issued_token_type: issuedType } = answer;
  return {
    accessToken: answer.access_token,
    type: answer.token_type.toLowerCase(),
    refreshToken: answer.refresh_token,
    idToken: signedIdToken(answer),
    claims: answer.claims(),
    expiresIn: answer.expiresIn(),
    issuedType: typeof issuedType === 'string' ? issuedType : undefined,
  };
}

/** The signed ID token, out of the one that was encrypted. */
function signedIdToken(answer: LibraryTokens): string | undefined {
  const opened = getDecryptedResponses(answer);
  const signed = typeof opened === 'object' ? opened.id_token?.token_endpoint : opened;
  return signed ?? answer.id_token;
}

function libraryChecks({ type, pkce }: ProviderConfig, { state, nonce, codeVerifier, maxAge }: CodeChecks) {
  const isOpenId = type === 'oidc';
  return {
    expectedState: state,
    ...(pkce && { pkceCodeVerifier: codeVerifier }),
    ...(isOpenId && { expectedNonce: nonce, idTokenExpected: true }),
    ...(isOpenId && maxAge !== undefined && { maxAge }),
  };
}

function withProof(proof: DpopProof | undefined): { DPoP: DpopProof } | undefined {
  return proof && { DPoP: proof };
}
