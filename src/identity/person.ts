import type { Person } from '../access/conditions.ts';
import type { ProviderConfig } from '../config/schema/index.ts';

/** Where to look for a person among the claims of one provider or token issuer. */
export interface PersonRules {
  /** The claims that say who it is, as dotted paths. */
  claims: ProviderConfig['claims'];
  /** Rules count email addresses that nobody verified. */
  countUnverifiedEmail: boolean;
  /** Rules count only those that somebody says are verified. */
  requireVerifiedEmail: boolean;
}

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
  const { user, email, emailVerified, name, groups } = rules.claims;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    user: identifier(claims[user]) ?? subject,
    email: text(claims[email]),
    name: text(claims[name]),
    emailVerified: rules.countUnverifiedEmail || isVerified(rules, claims[emailVerified]),
    groups: groupsOf(claims[groups]),
    claims,
    bearer: false,
    scopes: noScopes,
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

/** A list; or one text, in which some providers put several groups with spaces between. */
function groupsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(/\s+/).filter((group) => group !== '');
  return Array.isArray(claim) ? claim.filter((group) => typeof group === 'string') : [];
}
