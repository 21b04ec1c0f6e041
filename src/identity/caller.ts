import type { Person } from '../access/subject.ts';
import type { TemplatePerson } from '../forward/template-values.ts';
import type { Session } from '../session/session.ts';
import type { Current } from '../session/standing.ts';
import { type PersonRules, personOf } from './person.ts';
import type { Providers } from './provider/providers.ts';

/** Who asks: somebody with a session, or a client with a token of its own. */
export interface Caller {
  /** As rules, headers and pages see them. */
  person: Person & TemplatePerson;
  /** The session that the request rides on; undefined for a client with a token. */
  current: Current | undefined;
  /** The `sub` of the session or the token. */
  subject: string;
  /** When the token of a client ends, in seconds since the epoch; undefined where its issuer names no end. */
  tokenExpiresAt?: number | undefined;
}

/** The person of a session. A provider that is not configured any more tells nothing of its people. */
export function callerOfSession(
  providers: Providers,
  current: Current,
): (Caller & { current: Current }) | undefined {
  const { session } = current;
  const rules: PersonRules | undefined = providers.get(session.provider)?.personRules;
  if (!rules) return undefined;
  return { person: personOfSession(rules, session), current, subject: session.subject };
}

/** Sessions that are remembered come again as the same object, and so do their people, with all that is made of them. */
const people = new WeakMap<Session, Caller['person']>();

function personOfSession(rules: PersonRules, session: Session): Caller['person'] {
  let person = people.get(session);
  if (!person) {
    const { idToken, provider, subject, claims, id } = session;
    // RFC 9449 §7.1: a token that is bound to a key is not to be sent as a Bearer token.
    const accessToken = session.dpopKey === undefined ? session.accessToken : undefined;
    person = { ...personOf(rules, subject, claims), provider, accessToken, idToken, sessionId: id };
    people.set(session, person);
  }
  return person;
}
