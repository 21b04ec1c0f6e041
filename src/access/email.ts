import type { Person } from './subject.ts';

/** How the domain of an email address is written in the configuration. */
export const emailDomainItem = {
  item: 'a domain such as example.com, without @ and *',
  parse: parseEmailDomain,
};

/** The domain of an email address: no `@`, no `*`; such text would never be equal to one. */
function parseEmailDomain(text: string): string | undefined {
  return /^[\p{L}\p{M}\p{N}_-]+(\.[\p{L}\p{M}\p{N}_-]+)*$/u.test(text) ? text : undefined;
}

/** How an email address is written in the configuration. */
export const emailAddressItem = {
  item: 'an email address such as ada@example.com (for all of a domain, `emailDomains`)',
  parse: parseEmailAddress,
};

/** Two parts with one `@` between; a `*` for the first would stand for nobody. */
function parseEmailAddress(text: string): string | undefined {
  return /^[^@\s]+@[^@\s*]+$/.test(text) && !text.startsWith('*@') ? text : undefined;
}

/**
 * The address of a person, in lower case; undefined for none, a malformed or an unverified one. RFC 5321 §2.4 leaves
 * the part before the @ to its host; providers treat it without case, and so do people.
 */
function verifiedEmail({ email, emailVerified }: Person): string | undefined {
  return email !== undefined && emailVerified && /^[^@\s]+@[^@\s]+$/.test(email)
    ? email.toLowerCase()
    : undefined;
}

/** The domain of an address that has one `@`. */
export const domainOf = (email: string): string => email.slice(email.indexOf('@') + 1);

/** Whether a part of the person's verified address is one of some values; letter case does not count. */
export function partIsAmong(
  values: readonly string[],
  partOf: (email: string) => string,
): (person: Person) => boolean {
  const allowed = new Set(withoutCase(values));
  return (person) => {
    const email = verifiedEmail(person);
    return email !== undefined && allowed.has(partOf(email));
  };
}

export const withoutCase = (values: readonly string[]): string[] =>
  values.map((value) => value.toLowerCase());
