import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { askSources } from '../claims/claim-sources.ts';
import { pickClaims, readClaim } from '../claims/claims.ts';
import {
  absentFrom,
  type Claims,
  combine,
  isComplete,
  keptPaths,
  pickOfPerson,
  sourcesBefore,
  statedBefore,
  type UserClaims,
  usedPaths,
  userinfoBefore,
  without,
} from '../claims/user-claims.ts';
import { askUserinfo, shouldAskUserinfo, type UserinfoQuestion } from './ask-userinfo.ts';
import { loginError } from './failure.ts';
import type { Provider } from './provider.ts';
import { isRefused, mayBeMissing, saysTokenIsBad } from './resource-verdict.ts';

export interface ClaimsNeeds {
  provider: Pick<Provider, 'name' | 'config' | 'client' | 'accessTokenClaims'>;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  emit: Emit;
  clock: Pick<Clock, 'monotonic'>;
}

export interface ClaimsQuestion extends UserinfoQuestion {
  /** The claims of a new ID token; undefined where there is none. */
  idToken: Claims | undefined;
  /** What the provider posted beside the code, at a first login. */
  posted?: Claims | undefined;
  /** The question is for nothing else: userinfo is asked in any case, and what cannot be had is an error. */
  again?: boolean;
}

/** What was collected. */
export interface Collected extends UserClaims {
  /** Why it is not all: what was asked and gave no good answer. A claim that is absent may be there all the same. */
  lacking?: unknown;
}

/**
 * The claims that the configuration uses: of the ID token, of userinfo where that is asked, and of the sources.
 * What was fetched before counts for nothing once there is a good answer, or the word that the access token is not good;
 * what an ID token said counts until there is a new one. Rejects with GatewayError, save that userinfo may be out at a
 * login with OpenID Connect while `userinfo` is `auto`.
 */
export async function collectClaims(needs: ClaimsNeeds, question: ClaimsQuestion): Promise<Collected> {
  const { config } = needs.provider;
  const { idToken, known, again } = question;
  const { username } = config.claims;
  const paths = keptPaths(config, needs.claimPaths);
  const said = idToken ? pickClaims(idToken, paths, username) : statedBefore(known);
  const token = await readAccessToken(needs, question);
  const ofToken = token ? pickOfPerson(token, paths, username) : {};
  const { userinfo, before, stated, lacking } = await userinfoBeside(needs, question, {
    said,
    ofToken: token && ofToken,
  });
  // Which of the two said what is not known: while the keys for the one are out, what the other lacks stays.
  const isUnread = config.claims.from === 'access_token' && !token;
  const unread = isUnread ? before : {};
  const answered = userinfo ? { ...unread, ...pickOfPerson(userinfo, paths, username) } : before;
  // An access token counts more than userinfo, unless that was just asked again with it.
  const fetched = {
    ...question.posted,
    ...(again ? { ...ofToken, ...answered } : { ...answered, ...ofToken }),
  };
  const { sourced, lacking: lackingSources } = await sourcesBeside(
    needs,
    question,
    (path) =>
      readClaim(idToken, path) ??
      readClaim(token, path) ??
      readClaim(userinfo, path) ??
      stated[path] ??
      fetched[path],
  );
  return {
    ...combine(config, paths, { stated, fetched, sourced }),
    lacking: lacking ?? lackingSources ?? (isUnread || undefined),
  };
}

interface Heard {
  /** What the ID token says, or said. */
  said: Claims;
  /** What the access token says; undefined where it says nothing. */
  ofToken: Claims | undefined;
}

/** Asks userinfo where something is lacking, and says what counts beside it: what was known before, where it is out. */
async function userinfoBeside(needs: ClaimsNeeds, question: ClaimsQuestion, { said, ofToken }: Heard) {
  const { provider, claimPaths } = needs;
  const { config } = provider;
  const { known, again } = question;
  const isSaid = isComplete(usedPaths(config, claimPaths), { ...ofToken, ...said });
  const isAsked = shouldAskUserinfo(provider, isSaid && !again);
  // What the token of before said has come to an end with it.
  const before = ofToken && !isAsked ? {} : userinfoBefore(known, config);
  if (!isAsked) return { before, stated: said };
  try {
    const userinfo = await askUserinfo(provider, question);
    // What is newer counts, for each claim that userinfo has: else nothing that an ID token said could be taken away.
    const stated = again ? without(said, userinfo, config.claims.username) : said;
    return { userinfo, before, stated };
  } catch (error) {
    const atLogin = config.type === 'oidc' && config.userinfo === 'auto';
    goOnWithout('userinfo', error, { needs, question, atLogin });
    if (saysTokenIsBad(error)) return { before: {}, stated: said };
    // An ID token may say less than the one before. What userinfo might have said instead is not known while it is out;
    // where it takes no such token at all, there is nothing to wait for.
    const stated = isRefused(error) ? said : { ...absentFrom(statedBefore(known), ofToken ?? {}), ...said };
    return { before, stated, lacking: error };
  }
}

/** @param lookUp the claims that are known so far, by dotted path */
async function sourcesBeside(
  needs: ClaimsNeeds,
  question: ClaimsQuestion,
  lookUp: (path: string) => unknown,
): Promise<{ sourced: ReadonlyMap<string, unknown>; lacking?: unknown }> {
  const { provider, emit, clock } = needs;
  const { config } = provider;
  try {
    const get = (address: URL) => provider.client.get(question, address);
    const { claims, warnings } = await askSources(config.sources, { get, mayBeMissing, clock }, lookUp);
    for (const reason of warnings) emit({ kind: 'claim-source-doubted', provider: provider.name, reason });
    return { sourced: claims };
  } catch (error) {
    goOnWithout('sources', error, { needs, question, atLogin: false });
    const isOver = saysTokenIsBad(error);
    return {
      sourced: sourcesBefore(question.known, config, isOver),
      lacking: isOver ? undefined : error,
    };
  }
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
