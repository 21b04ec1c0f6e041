import {
  type Configuration,
  fetchUserInfo,
  tokenIntrospection,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import { loginError } from '../provider/failure.ts';
import type { Provider } from '../provider/provider.ts';
import { askSources, fetchJson, isRefused, type TokenInHand } from './claim-sources.ts';
import { pickClaims, readClaim, usernamePath } from './claims.ts';

export interface ClaimsParts {
  provider: Provider;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  log: Logger;
}

/** What is known of somebody, and how. */
export interface Knowledge {
  claims: Readonly<Record<string, unknown>>;
  /** The paths of the claims that userinfo or a source gave, rather than an ID token. */
  fetched: readonly string[];
}

export interface ClaimsQuestion extends TokenInHand {
  /** The claims of a new ID token; undefined where there is none. */
  idToken: Readonly<Record<string, unknown>> | undefined;
  /** Who it has to be; undefined at a login by OAuth 2.0, which is about to find out. */
  subject: string | undefined;
  /** What was known before; undefined at a login. */
  known?: Knowledge | undefined;
  /** The question is for nothing else: userinfo is asked in any case, and what cannot be had is an error. */
  again?: boolean;
}

/** How and when somebody signed in is what the ID token says of one sign-in; userinfo speaks of the person. */
const idTokenOnly: ReadonlySet<string> = new Set(['acr', 'auth_time']);

/**
 * The claims that the configuration uses: of the ID token, of userinfo where that is asked, and of the sources.
 * What was fetched before counts for nothing once it was asked for again; what an ID token said counts until
 * there is a new one. Rejects with GatewayError, save that userinfo may be out at a login with OpenID Connect
 * while `userinfo` is `auto`.
 */
export async function collectClaims(parts: ClaimsParts, question: ClaimsQuestion): Promise<Knowledge> {
  const { provider, claimPaths, log } = parts;
  const { client, idToken, subject, known } = question;
  const { config } = provider;
  const paths = new Set([...claimPaths, ...keptPaths(provider)]);
  let stated = idToken ? pickClaims(idToken, paths, config.claims.username) : statedBefore(known);
  const isComplete = [...claimPaths].every((path) => path in stated || idTokenOnly.has(path));
  let userinfo: Readonly<Record<string, unknown>> | undefined;
  let before = userinfoBefore(known, provider);
  if (shouldAskUserinfo(provider, client, isComplete && !question.again)) {
    try {
      userinfo = await askUserinfo(provider, question, subject);
    } catch (error) {
      goOnWithout('userinfo', error, config.type === 'oidc' && config.userinfo === 'auto');
      // An outage takes nothing away; a refusal does.
      if (isRefused(error)) before = {};
    }
  }
  // What is newer counts, for each claim that userinfo has: else nothing that an ID token said could be taken away.
  if (question.again && userinfo) stated = without(stated, userinfo, config.claims.username);
  const fetched = userinfo ? pickClaims(userinfo, ofPerson(paths), config.claims.username) : before;
  const lookUp = (path: string) =>
    readClaim(idToken, path) ?? readClaim(userinfo, path) ?? stated[path] ?? fetched[path];
  let sourced = new Map<string, unknown>();
  try {
    const answers = await askSources(config.sources, question, lookUp);
    for (const reason of answers.warnings) log.warn({ provider: provider.name, reason }, 'claim source');
    sourced = answers.claims;
  } catch (error) {
    goOnWithout('sources', error, false);
    const ofSources = config.sources
      .map(({ claim }) => claim)
      .filter((path) => known?.fetched.includes(path));
    sourced = new Map(ofSources.map((path) => [path, isRefused(error) ? undefined : known?.claims[path]]));
  }

  const claims: Record<string, unknown> = { ...fetched, ...stated };
  const names = new Set(Object.keys(fetched).filter((path) => !(path in stated)));
  for (const [claim, value] of sourced) {
    for (const path of paths) {
      if (path !== claim && aliasOf(provider, claim) !== path) continue;
      delete claims[path];
      names.delete(path);
      if (value === undefined) continue;
      claims[path] = value;
      names.add(path);
    }
  }
  return { claims, fetched: [...names] };

  /** What was known before stands in, where the question was not just for that. Throws the error otherwise. */
  function goOnWithout(what: string, error: unknown, atLogin: boolean): void {
    const { code } = loginError(error);
    // RFC 8707 §2: a token for another resource may be refused there.
    const isForAnother = config.resource && error instanceof WWWAuthenticateChallengeError;
    const mayGoOn = known
      ? !question.again && code !== 'login_token_invalid'
      : atLogin && (code === 'provider_unavailable' || isForAnother);
    if (!mayGoOn) throw error;
    log.warn(
      { provider: provider.name, reason: describeError(error) },
      `${what} failed; its claims are missing`,
    );
  }
}

function ofPerson(paths: ReadonlySet<string>): string[] {
  return [...paths].filter((path) => !idTokenOnly.has(path));
}

/** What has to be remembered of somebody beside the claims that are used. */
function keptPaths({ config }: Provider): string[] {
  const conditions = config.sources.flatMap(({ ifClaim }) => ifClaim ?? []);
  return [...conditions, ...Object.keys(config.requiredClaims)];
}

/** The claims of before but for those that userinfo has as well, be it as nothing. */
function without(
  stated: Readonly<Record<string, unknown>>,
  userinfo: Readonly<Record<string, unknown>>,
  username: string,
): Record<string, unknown> {
  const isNewer = (path: string) =>
    !idTokenOnly.has(path) && readClaim(userinfo, path === usernamePath ? username : path) !== undefined;
  return Object.fromEntries(Object.entries(stated).filter(([path]) => !isNewer(path)));
}

function aliasOf({ config }: Provider, claim: string): string | undefined {
  return claim === config.claims.username ? usernamePath : undefined;
}

function statedBefore(known: Knowledge | undefined): Record<string, unknown> {
  const { claims = {}, fetched = [] } = known ?? {};
  return Object.fromEntries(Object.entries(claims).filter(([path]) => !fetched.includes(path)));
}

/** What userinfo said when it was asked last; sources are always asked again. */
function userinfoBefore(known: Knowledge | undefined, { config }: Provider): Record<string, unknown> {
  const { claims = {}, fetched = [] } = known ?? {};
  const ofSources = new Set(config.sources.map(({ claim }) => claim));
  return Object.fromEntries(fetched.flatMap((path) => (ofSources.has(path) ? [] : [[path, claims[path]]])));
}

async function askUserinfo(
  { config }: Provider,
  token: TokenInHand,
  subject: string | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const { client, accessToken, dpop } = token;
  // OpenID Connect Core §5.3.2: an answer about somebody else is refused by the library.
  if (config.type === 'oidc')
    return fetchUserInfo(client, accessToken, subject ?? '', dpop && { DPoP: dpop });
  const claims = await askWho(token);
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
async function askWho(token: TokenInHand): Promise<Readonly<Record<string, unknown>>> {
  const { client, accessToken } = token;
  const { userinfo_endpoint: userinfo, introspection_endpoint: introspection } = client.serverMetadata();
  if (userinfo !== undefined) {
    const { body } = await fetchJson(token, new URL(userinfo));
    return body !== null && typeof body === 'object' && !Array.isArray(body) ? { ...body } : {};
  }
  if (introspection === undefined) {
    throw new GatewayError('login_response_invalid', {
      cause: new Error('there is neither a userinfo endpoint nor one for introspection'),
    });
  }
  const { active, ...claims } = await tokenIntrospection(client, accessToken);
  if (active) return claims;
  throw new GatewayError('login_token_invalid', { cause: new Error('the access token is not active') });
}

/** An identifier as text: some providers count their people. */
export function subjectOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

function shouldAskUserinfo({ config }: Provider, client: Configuration, isComplete: boolean): boolean {
  if (config.type === 'oauth2') return true;
  if (config.userinfo === false || client.serverMetadata().userinfo_endpoint === undefined) return false;
  return config.userinfo === true || !isComplete;
}

/** Throws GatewayError where somebody lacks what the configuration requires of everybody. */
export function checkRequiredClaims({ config }: Provider, claims: Readonly<Record<string, unknown>>): void {
  for (const [path, wanted] of Object.entries(config.requiredClaims)) {
    const values = [claims[path]].flat().map(String);
    if (values.some((value) => wanted.includes(value)) && claims[path] !== undefined) continue;
    throw new GatewayError('login_not_admitted', {
      cause: new Error(`the claim ${path} has none of the values that are required`),
    });
  }
}
