import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { pickClaims, readClaim, usernamePath } from './claims.ts';

/** Claims by their name, as a provider stated them: in a token, or at userinfo. */
export type Claims = Readonly<Record<string, unknown>>;

/** What is known of somebody, and how. */
export interface UserClaims {
  claims: Claims;
  /** The paths of the claims that userinfo or a source gave, rather than an ID token. */
  fetched: readonly string[];
}

type ClaimSettings = Pick<ProviderConfig, 'claims' | 'sources' | 'requiredClaims'>;

/** How and when somebody signed in is what the ID token says of one sign-in; userinfo speaks of the person. */
const idTokenOnly: ReadonlySet<string> = new Set(['acr', 'auth_time']);

/** Whether an ID token says all that is used of the person. */
export function isComplete(claimPaths: ReadonlySet<string>, stated: Claims): boolean {
  return [...claimPaths].every((path) => path in stated || idTokenOnly.has(path));
}

/** The claims that are kept: those that are used, and what has to be remembered beside them. */
export function keptPaths(
  { sources, requiredClaims }: ClaimSettings,
  claimPaths: ReadonlySet<string>,
): ReadonlySet<string> {
  const conditions = sources.flatMap(({ ifClaim }) => ifClaim ?? []);
  return new Set([...claimPaths, ...conditions, ...Object.keys(requiredClaims)]);
}

/** The claims that userinfo is asked for where an ID token lacks one; what a source answers for, it need not have. */
export function usedPaths(
  { sources, requiredClaims }: ClaimSettings,
  claimPaths: ReadonlySet<string>,
): ReadonlySet<string> {
  const ofSources = new Set(sources.map(({ claim }) => claim));
  const required = Object.keys(requiredClaims).filter((path) => !ofSources.has(path));
  return new Set([...claimPaths, ...required]);
}

/** What userinfo says of the person. */
export function pickOfPerson(userinfo: Claims, paths: ReadonlySet<string>, username: string): Claims {
  return pickClaims(
    userinfo,
    [...paths].filter((path) => !idTokenOnly.has(path)),
    username,
  );
}

/** The claims of before but for those that userinfo has as well, be it as nothing. */
export function without(stated: Claims, userinfo: Claims, username: string): Claims {
  const isNewer = (path: string) =>
    !idTokenOnly.has(path) && readClaim(userinfo, path === usernamePath ? username : path) !== undefined;
  return Object.fromEntries(Object.entries(stated).filter(([path]) => !isNewer(path)));
}

/** The claims that others do not have. */
export const absentFrom = (claims: Claims, others: Claims): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([path]) => !(path in others)));

/** What an ID token said. */
export function statedBefore(known: UserClaims | undefined): Claims {
  const { claims = {}, fetched = [] } = known ?? {};
  return Object.fromEntries(Object.entries(claims).filter(([path]) => !fetched.includes(path)));
}

/** What userinfo said when it was asked last; sources are always asked again. */
export function userinfoBefore(known: UserClaims | undefined, { sources }: ClaimSettings): Claims {
  const { claims = {}, fetched = [] } = known ?? {};
  const ofSources = new Set(sources.map(({ claim }) => claim));
  return Object.fromEntries(fetched.flatMap((path) => (ofSources.has(path) ? [] : [[path, claims[path]]])));
}

/** What the sources said when they were asked last; nothing, where the access token is not good any more. */
export function sourcesBefore(
  known: UserClaims | undefined,
  { sources }: ClaimSettings,
  isOver: boolean,
): Map<string, unknown> {
  const paths = sources.map(({ claim }) => claim).filter((path) => known?.fetched.includes(path));
  return new Map(paths.map((path) => [path, isOver ? undefined : known?.claims[path]]));
}

export interface Parts {
  stated: Claims;
  fetched: Claims;
  /** By the name of a claim; a claim that a source answers for is what the source says, be it nothing. */
  sourced: ReadonlyMap<string, unknown>;
}

/** Puts together what is known: a source counts more than an ID token, and that more than userinfo. */
export function combine(
  { claims: { username } }: ClaimSettings,
  paths: ReadonlySet<string>,
  { stated, fetched, sourced }: Parts,
): UserClaims {
  const claims: Record<string, unknown> = { ...fetched, ...stated };
  const names = new Set(Object.keys(fetched).filter((path) => !(path in stated)));
  for (const [claim, value] of sourced) {
    const alias = claim === username ? usernamePath : undefined;
    for (const path of paths) {
      if (path !== claim && alias !== path) continue;
      delete claims[path];
      names.delete(path);
      if (value === undefined) continue;
      claims[path] = value;
      names.add(path);
    }
  }
  return { claims, fetched: [...names] };
}

/** An identifier as text: some providers count their people. */
export function subjectOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** Whether a claim that everybody needs is absent. */
export const lacksRequired = ({ requiredClaims }: ClaimSettings, claims: Claims): boolean =>
  Object.keys(requiredClaims).some((path) => claims[path] === undefined);

/**
 * Throws GatewayError where somebody lacks what the configuration requires of everybody.
 * @param lacking why not all claims are known, where that is so: one that is absent is not judged then
 */
export function checkRequiredClaims(
  { requiredClaims }: ClaimSettings,
  claims: Claims,
  lacking?: unknown,
): void {
  for (const [path, wanted] of Object.entries(requiredClaims)) {
    const isAbsent = claims[path] === undefined;
    if (isAbsent && lacking !== undefined) continue;
    const values = [claims[path]].flat().map(String);
    if (!isAbsent && values.some((value) => wanted.includes(value))) continue;
    throw new GatewayError('login_not_admitted', {
      cause: new Error(`the claim ${path} has none of the values that are required`),
    });
  }
}
