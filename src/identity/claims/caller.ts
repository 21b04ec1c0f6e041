import type { Person } from '../../access/subject.ts';
import type { TemplatePerson } from '../../forward/template-values.ts';
import type { Current } from '../../session/standing.ts';

/** Somebody as rules, headers and pages see them. */
export type CallerPerson = Person & TemplatePerson;

/** Who asks: somebody with a session, or a client with a token of its own. */
export interface Caller {
  person: CallerPerson;
  /** The session that the request rides on; undefined for a client with a token. */
  current: Current | undefined;
  /** The `sub` of the session or the token. */
  subject: string;
  /** When the token of a client ends, in seconds since the epoch; undefined where its issuer names no end. */
  tokenExpiresAt?: number | undefined;
  /** The issuer of the token of a client, where it is known. */
  issuer?: string | undefined;
}
