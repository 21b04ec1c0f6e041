import type { Person } from '../access/conditions.ts';
import type { TemplatePerson } from '../forward/template.ts';
import type { Current } from '../session/sessions.ts';
import { type PersonRules, personOf } from './person.ts';
import type { Providers } from './provider/providers.ts';

/** Who asks: somebody with a session, or a client with a token of its own. */
export interface Caller {
  /** As rules, headers and pages see them. */
  person: Person & TemplatePerson;
  /** The session that the request rides on; undefined for a client with a token. */
  current: Current | undefined;
}

/** The person of a session. A provider that is not configured any more tells nothing of its people. */
export function callerOfSession(
  providers: Providers,
  current: Current,
): (Caller & { current: Current }) | undefined {
  const { session } = current;
  const rules: PersonRules | undefined = providers.get(session.provider)?.personRules;
  if (!rules) return undefined;
  const { accessToken, idToken, provider, subject, claims, id } = session;
  const person = { ...personOf(rules, subject, claims), provider, accessToken, idToken, sessionId: id };
  return { person, current };
}
