import type { Session } from './session.ts';

/** What a person is known by to those who run the gateway. */
export interface PersonNames {
  /** The `sub`, what the user header says, and the user name. They are compared as they are. */
  names: readonly string[];
  /** Compared without letter case. */
  email: string | undefined;
  /** The one for people to read; undefined where there is none but the `sub`. */
  user: string | undefined;
  /** The claims that say so, by their dotted paths, and no others. */
  claims: Readonly<Record<string, unknown>>;
}

/** The names of somebody, from the claims that a session keeps. */
export type Identify = (session: Session) => PersonNames;

/** A value that a person may be known by, by the way in which it is compared. */
export type NameOf = readonly [kind: 'name' | 'email', value: string];

/** RFC 5321 §2.4 leaves the part before the @ to its host; providers treat it without case, and so do people. */
const emailOf = (value: string): NameOf => ['email', value.toLowerCase()];

/** What a session is found by. Nobody is known by an empty text. */
export function namesOf({ names, email }: PersonNames): NameOf[] {
  const known = [...new Set(names)].filter((name) => name !== '').map((name): NameOf => ['name', name]);
  return email ? [...known, emailOf(email)] : known;
}

/** What somebody may mean who names a person by one text. */
export function meantBy(text: string): NameOf[] {
  return text === '' ? [] : [['name', text], emailOf(text)];
}
