import type { Person } from '../../access/subject.ts';
import type { BearerConfig, ProviderConfig } from '../../config/schema/index.ts';
import type { Identify } from '../../session/person-names.ts';
import type { Session } from '../../session/session.ts';
import type { CallerPerson } from './caller.ts';
import { usernamePath } from './claims.ts';

/** Where to look for a person among the claims of one provider or token issuer. */
export interface PersonRules {
  /** The claims that say who it is, as dotted paths. */
  claims: BearerConfig['claims'];
  /** Rules count email addresses that nobody verified. */
  countUnverifiedEmail: boolean;
  /** Rules count only those that somebody says are verified. */
  requireVerifiedEmail: boolean;
}

/** The rules of a provider, of its part of the configuration. */
export function personRules(config: ProviderConfig): PersonRules {
  const { claims, insecureUnverifiedEmail, requireVerifiedEmail } = config;
  return { claims, countUnverifiedEmail: insecureUnverifiedEmail, requireVerifiedEmail };
}

const noScopes: readonly string[] = [];

/**
 * The person as rules, headers and pages see them.
 * @param claims by their dotted path
 */
export function personOf(
  rules: PersonRules,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): Omit<Person, 'provider'> {
  const { user, email, emailVerified, name, groups, groupsSeparator } = rules.claims;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    user: identifier(claims[user]) ?? subject,
    email: text(claims[email]),
    name: text(claims[name]),
    emailVerified: rules.countUnverifiedEmail || isVerified(rules, claims[emailVerified]),
    groups: groupsOf(claims[groups], groupsSeparator),
    claims,
    bearer: false,
    scopes: noScopes,
  };
}

/**
 * Makes the function that gives the person of a session by these rules. Sessions that are remembered come again as the
 * same object, and so do their people, with all that is made of them; other rules make other people of them.
 */
export function rememberPeople(rules: PersonRules): (session: Session) => CallerPerson {
  const people = new WeakMap<Session, CallerPerson>();
  return (session) => {
    let person = people.get(session);
    if (!person) {
      const { idToken, provider, subject, claims, id } = session;
      // RFC 9449 §7.1: a token that is bound to a key is not to be sent as a Bearer token.
      const accessToken = session.dpopKey === undefined ? session.accessToken : undefined;
      person = { ...personOf(rules, subject, claims), provider, accessToken, idToken, sessionId: id };
      people.set(session, person);
    }
    return person;
  };
}

/** The user name of those whose provider is not configured any more is where providers have it. */
const usual = { user: 'sub', email: 'email' };

/** Makes the function that says what those who run the gateway know somebody by: what applications are told. */
export function identifyPeople(
  providers: Readonly<Record<string, Pick<ProviderConfig, 'claims'>>>,
): Identify {
  return ({ provider, subject, claims }) => {
    const paths = Object.hasOwn(providers, provider) ? providers[provider]?.claims : undefined;
    const { user, email } = paths ?? usual;
    const told = user === 'sub' ? undefined : identifier(claims[user]);
    const username = identifier(claims[usernamePath]);
    const address = claims[email];
    const names = [subject, told, username].filter((name) => name !== undefined);
    const kept = [user, usernamePath, email].filter((path) => claims[path] !== undefined);
    return {
      names,
      email: typeof address === 'string' ? address : undefined,
      user: told ?? username,
      claims: Object.fromEntries(kept.map((path) => [path, claims[path]])),
    };
  };
}

/** Some providers count their people. */
function identifier(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** Providers say so as a boolean, a number or text. */
function isVerified({ requireVerifiedEmail }: PersonRules, claim: unknown): boolean {
  return requireVerifiedEmail ? yes.has(claim) : !no.has(claim);
}

const yes: ReadonlySet<unknown> = new Set([true, 'true', 'True', 1, '1']);
const no: ReadonlySet<unknown> = new Set([false, 'false', 'False', 0, '0']);

/** A list; or one text, which is one group unless it is known what stands between several. */
function groupsOf(claim: unknown, separator: string | undefined): string[] {
  const list =
    typeof claim === 'string' ? (separator === undefined ? [claim] : claim.split(separator)) : claim;
  return Array.isArray(list) ? list.filter((group) => typeof group === 'string' && group !== '') : [];
}

/** What the people who run the gateway should know of somebody's groups; undefined for nothing. */
export function groupsAdvice(
  { claims: { groups, groupsSeparator } }: PersonRules,
  claims: Readonly<Record<string, unknown>>,
): string | undefined {
  const claim = claims[groups];
  if (groupsSeparator !== undefined || typeof claim !== 'string' || !/\s/.test(claim)) return undefined;
  return `the claim ${groups} is one text with blanks, which counts as one group; where it holds several, say what stands between them in claims.groupsSeparator`;
}
