import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { askSources } from '../claims/claim-sources.ts';
import { pickClaims, readClaim } from '../claims/claims.ts';
import {
  type Claims,
  combine,
  isComplete,
  keptPaths,
  pickOfPerson,
  sourcesBefore,
  statedBefore,
  subjectOf,
  type UserClaims,
  userinfoBefore,
  without,
} from '../claims/user-claims.ts';
import type { TokenInHand } from './client.ts';
import { loginError } from './failure.ts';
import type { Provider } from './provider.ts';
import { isRefused, mayBeMissing } from './verdict.ts';

export interface ClaimsNeeds {
  provider: Pick<Provider, 'name' | 'config' | 'client' | 'accessTokenClaims'>;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  emit: Emit;
  clock: Pick<Clock, 'monotonic'>;
}

export interface ClaimsQuestion extends TokenInHand {
  /** The claims of a new ID token; undefined where there is none. */
  idToken: Claims | undefined;
  /** Who it has to be; undefined at a login by OAuth 2.0, which is about to find out. */
  subject: string | undefined;
  /** What was known before; undefined at a login. */
  known?: UserClaims | undefined;
  /** What the provider posted beside the code, at a first login. */
  posted?: Claims | undefined;
  /** The question is for nothing else: userinfo is asked in any case, and what cannot be had is an error. */
  again?: boolean;
}

/**
 * The claims that the configuration uses: of the ID token, of userinfo where that is asked, and of the sources.
 * What was fetched before counts for nothing once it was asked for again; what an ID token said counts until
 * there is a new one. Rejects with GatewayError, save that userinfo may be out at a login with OpenID Connect
 * while `userinfo` is `auto`.
 */
export async function collectClaims(needs: ClaimsNeeds, question: ClaimsQuestion): Promise<UserClaims> {
  const { provider, claimPaths, emit, clock } = needs;
  const { idToken, known, again } = question;
  const { config } = provider;
  const { username } = config.claims;
  const paths = keptPaths(config, claimPaths);
  let stated = idToken ? pickClaims(idToken, paths, username) : statedBefore(known);
  const token = await readAccessToken(needs, question);
  const ofToken = token ? pickOfPerson(token, paths, username) : {};
  let userinfo: Claims | undefined;
  const isAsked = shouldAskUserinfo(provider, isComplete(claimPaths, { ...ofToken, ...stated }) && !again);
  // What the token of before said has come to an end with it.
  let before = token && !isAsked ? {} : userinfoBefore(known, config);
  if (isAsked) {
    try {
      userinfo = await askUserinfo(provider, question);
    } catch (error) {
      const atLogin = config.type === 'oidc' && config.userinfo === 'auto';
      goOnWithout('userinfo', error, { needs, question, atLogin });
      // An outage takes nothing away; a refusal does.
      if (isRefused(error)) before = {};
    }
  }
  // What is newer counts, for each claim that userinfo has: else nothing that an ID token said could be taken away.
  if (again && userinfo) stated = without(stated, userinfo, username);
  const answered = userinfo ? pickOfPerson(userinfo, paths, username) : before;
  // An access token counts more than userinfo, unless that was just asked again with it.
  const fetched = {
    ...question.posted,
    ...(again ? { ...ofToken, ...answered } : { ...answered, ...ofToken }),
  };
  const lookUp = (path: string) =>
    readClaim(idToken, path) ??
    readClaim(token, path) ??
    readClaim(userinfo, path) ??
    stated[path] ??
    fetched[path];
  let sourced: ReadonlyMap<string, unknown>;
  try {
    const get = (address: URL) => provider.client.get(question, address);
    const answers = await askSources(config.sources, { get, mayBeMissing, clock }, lookUp);
    for (const reason of answers.warnings)
      emit({ kind: 'claim-source-doubted', provider: provider.name, reason });
    sourced = answers.claims;
  } catch (error) {
    goOnWithout('sources', error, { needs, question, atLogin: false });
    sourced = sourcesBefore(known, config, isRefused(error));
  }
  return combine(config, paths, { stated, fetched, sourced });
}

interface Lacking {
  needs: ClaimsNeeds;
  question: ClaimsQuestion;
  /** A login goes on without it too, while it is out. */
  atLogin: boolean;
}

/** What was known before stands in, where the question was not just for that. Throws the error otherwise. */
function goOnWithout(
  what: 'userinfo' | 'sources' | 'access token',
  error: unknown,
  { needs, question, atLogin }: Lacking,
): void {
  const { provider, emit } = needs;
  const { code } = loginError(error);
  // A token for another resource may be refused there (RFC 8707 §2), and AD FS gives tokens of which it takes none.
  const mayGoOn = question.known
    ? !question.again && code !== 'login_token_invalid'
    : atLogin && (code === 'provider_unavailable' || isRefused(error));
  if (!mayGoOn) throw error;
  emit({ kind: 'claims-missing', provider: provider.name, from: what, error });
}

/**
 * The claims of the access token, where the configuration wants them; undefined where it does not, or while the keys are
 * out and there is what was known before. Rejects for a token that cannot be verified, or is of somebody else.
 */
async function readAccessToken(needs: ClaimsNeeds, question: ClaimsQuestion): Promise<Claims | undefined> {
  const { provider } = needs;
  const { from, user } = provider.config.claims;
  if (from !== 'access_token') return undefined;
  try {
    const claims = await provider.accessTokenClaims(question.accessToken);
    const { subject } = question;
    // At a provider without ID tokens, who somebody is may be another claim than this one.
    const isComparable = provider.config.type === 'oidc' || user === 'sub';
    if (isComparable && subject !== undefined && claims.sub !== subject) {
      throw new GatewayError('login_token_invalid', {
        cause: new Error('the access token is of somebody else'),
      });
    }
    return claims;
  } catch (error) {
    goOnWithout('access token', error, { needs, question, atLogin: false });
    return undefined;
  }
}

type Asked = Pick<Provider, 'config' | 'client'>;

async function askUserinfo({ config, client }: Asked, question: ClaimsQuestion): Promise<Claims> {
  const { subject } = question;
  // OpenID Connect Core §5.3.2: an answer about somebody else is refused by the library.
  if (config.type === 'oidc') return client.userinfo(question, subject ?? '');
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

/** Who an access token of OAuth 2.0 is about: userinfo says it, or else introspection (RFC 7662). */
async function askWho(client: Asked['client'], token: TokenInHand): Promise<Claims> {
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

function shouldAskUserinfo({ config, client }: Asked, isComplete: boolean): boolean {
  if (config.type === 'oauth2') return true;
  if (config.userinfo === false || client.metadata().userinfo_endpoint === undefined) return false;
  return config.userinfo === true || !isComplete;
}
