import type { Alternative } from '../config/schema/index.ts';

/** What rules may ask about somebody who is signed in, or a client with an access token of its own. */
export interface Person {
  /** The name of the provider that says who it is. */
  provider: string | undefined;
  user: string;
  email: string | undefined;
  /** For people to read. */
  name: string | undefined;
  /** False only where the provider says that the address is not verified. */
  emailVerified: boolean;
  groups: readonly string[];
  /** Claims by their dotted path. */
  claims: Readonly<Record<string, unknown>>;
  /** A client that brought an access token, rather than somebody with a session. */
  bearer: boolean;
  /** What the access token that a client brought is good for; none for sessions. */
  scopes: readonly string[];
}

/** The sender of a request, as rules see it. */
export interface Subject {
  person: Person | undefined;
  /** Whether the sender's address is in one of the networks. */
  isFrom(networks: NonNullable<Alternative['networks']>): boolean;
}

/** The first condition of an alternative that does not hold; undefined when all do. */
export function failingCondition(alternative: Alternative, subject: Subject): keyof Alternative | undefined {
  for (const name of Object.keys(alternative) as (keyof Alternative)[]) {
    if (alternative[name] !== undefined && !holds(name, alternative, subject)) return name;
  }
  return undefined;
}

/** The scopes that an alternative asks for, when they are all that is missing. */
export function missingScope({ scope, ...rest }: Alternative, subject: Subject): string | undefined {
  const isAllElse = scope !== undefined && subject.person?.bearer && !failingCondition(rest, subject);
  return isAllElse && !hasScope(scope, subject.person) ? scope[0] : undefined;
}

/** Whether an alternative could hold for somebody who is not signed in. */
export function needsPerson(alternative: Alternative): boolean {
  return Object.entries(alternative).some(([name, value]) => name !== 'networks' && value !== undefined);
}

function holds(name: keyof Alternative, alternative: Alternative, subject: Subject): boolean {
  const { person } = subject;
  if (name === 'networks') return subject.isFrom(alternative.networks ?? []);
  // What is absent never holds.
  if (!person) return false;
  switch (name) {
    case 'groups':
      return alternative.groups?.some((group) => person.groups.includes(group)) ?? false;
    case 'users':
      return alternative.users?.includes(person.user) ?? false;
    case 'emails':
      return isOneOf(verifiedEmail(person), alternative.emails);
    case 'emailDomains':
      return isOneOf(verifiedEmail(person)?.replace(/^.*@/s, ''), alternative.emailDomains);
    case 'claims':
      return Object.entries(alternative.claims ?? {}).every(([path, values]) =>
        claimHasOneOf(person.claims[path], values),
      );
    case 'bearer':
      return alternative.bearer === person.bearer;
    case 'scope':
      return hasScope(alternative.scope, person);
  }
}

/** One of the values, of each value all that stands between its spaces. */
function hasScope(scope: Alternative['scope'], person: Person | undefined): boolean {
  return scope?.some((all) => all.split(' ').every((one) => person?.scopes.includes(one))) ?? false;
}

/** RFC 5321 §2.4 leaves the part before the @ to its host; providers treat it without case, and so do people. */
function isOneOf(value: string | undefined, allowed: readonly string[] | undefined): boolean {
  return value !== undefined && (allowed?.some((candidate) => candidate.toLowerCase() === value) ?? false);
}

/** In lower case; undefined for none, a malformed or an unverified one. */
function verifiedEmail({ email, emailVerified }: Person): string | undefined {
  return email !== undefined && emailVerified && /^[^@\s]+@[^@\s]+$/.test(email)
    ? email.toLowerCase()
    : undefined;
}

function claimHasOneOf(claim: unknown, values: readonly (string | number | boolean)[]): boolean {
  return values.some((value) => (Array.isArray(claim) ? claim.includes(value) : claim === value));
}
