import { GatewayError } from '../../errors.ts';
import { readClaim } from '../claims/claims.ts';
import { type Claims, subjectOf, type UserClaims } from '../claims/user-claims.ts';
import type { TokenInHand } from './client.ts';
import { loginError } from './failure.ts';
import type { Provider } from './provider.ts';
import { isOfSomebodyElse } from './verdict.ts';

/** The token to ask with, and what is known of the person. */
export interface UserinfoQuestion extends TokenInHand {
  /** Who it has to be; undefined at a login by OAuth 2.0, which is about to find out. */
  subject: string | undefined;
  /** What was known before; undefined at a login. */
  known?: UserClaims | undefined;
}

type AskedProvider = Pick<Provider, 'config' | 'client'>;

/**
 * What userinfo says of the person (OpenID Connect Core §5.3); of OAuth 2.0, what names them. Rejects with GatewayError for
 * an answer about nobody, or somebody else, and with the error of the call.
 */
export async function askUserinfo(
  { config, client }: AskedProvider,
  question: UserinfoQuestion,
): Promise<Claims> {
  const { subject } = question;
  // OpenID Connect Core §5.3.2: an answer about somebody else is refused by the library.
  if (config.type === 'oidc') return askOfOneSubject(client, question);
  const claims = await askWho(client, question);
  const found = subjectOf(readClaim(claims, config.claims.user));
  if (found === undefined) {
    throw new GatewayError('login_response_invalid', {
      cause: new Error(`userinfo has no ${config.claims.user}: it names nobody`),
    });
  }
  if (subject !== undefined && found !== subject) {
    throw new GatewayError('login_token_invalid', { cause: new Error('userinfo is about somebody else') });
  }
  return { sub: found, ...claims };
}

/** Of somebody who is signed in, an answer that fails a check is no answer: unless it is about somebody else. */
async function askOfOneSubject(client: AskedProvider['client'], question: UserinfoQuestion): Promise<Claims> {
  try {
    return await client.userinfo(question, question.subject ?? '');
  } catch (error) {
    const isBad = question.known && loginError(error).code === 'login_token_invalid';
    if (!isBad || isOfSomebodyElse(error)) throw error;
    throw new GatewayError('login_response_invalid', { cause: error });
  }
}

/** Who an access token of OAuth 2.0 is about: userinfo says it, or else introspection (RFC 7662). */
async function askWho(client: AskedProvider['client'], token: TokenInHand): Promise<Claims> {
  const { userinfo_endpoint: userinfo, introspection_endpoint: introspection } = client.metadata();
  if (userinfo !== undefined) {
    const { body } = await client.get(token, new URL(userinfo));
    return body !== null && typeof body === 'object' && !Array.isArray(body) ? { ...body } : {};
  }
  if (introspection === undefined) {
    throw new GatewayError('login_response_invalid', {
      cause: new Error('there is neither a userinfo endpoint nor one for introspection'),
    });
  }
  const { active, ...claims } = await client.introspect(token.accessToken);
  if (active) return claims;
  throw new GatewayError('login_token_invalid', { cause: new Error('the access token is not active') });
}

/** @param isComplete every claim that the configuration uses is known */
export function shouldAskUserinfo({ config, client }: AskedProvider, isComplete: boolean): boolean {
  if (config.type === 'oauth2') return true;
  if (config.userinfo === false || client.metadata().userinfo_endpoint === undefined) return false;
  return config.userinfo === true || !isComplete;
}
