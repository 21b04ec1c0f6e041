import type { Person } from '../access/conditions.ts';
import type { ProviderConfig } from '../config/schema/index.ts';

/** Where to look for a person among the claims of one provider or token issuer. */
export interface PersonRules {
  /** The claims that say who it is, as dotted paths. */
  claims: ProviderConfig['claims'];
  /** Rules count email addresses that nobody verified. */
  countUnverifiedEmail: boolean;
}

export function personRules({ claims, insecureUnverifiedEmail }: ProviderConfig): PersonRules {
  return { claims, countUnverifiedEmail: insecureUnverifiedEmail };
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
  const { user, email, name, groups } = rules.claims;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    user: text(claims[user]) ?? subject,
    email: text(claims[email]),
    name: text(claims[name]),
    emailVerified: rules.countUnverifiedEmail || ![false, 'false'].includes(claims.email_verified as boolean),
    groups: groupsOf(claims[groups]),
    claims,
    bearer: false,
    scopes: noScopes,
  };
}

/** A list; or one text, in which some providers put several groups with spaces between. */
function groupsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(/\s+/).filter((group) => group !== '');
  return Array.isArray(claim) ? claim.filter((group) => typeof group === 'string') : [];
}
