import type { Current } from '../session/standing.ts';
import type { Caller } from './claims/caller.ts';
import type { Providers } from './provider/providers.ts';

/** The person of a session. A provider that is not configured any more tells nothing of its people. */
export function callerOfSession(
  providers: Pick<Providers, 'get'>,
  current: Current,
): (Caller & { current: Current }) | undefined {
  const { session } = current;
  const provider = providers.get(session.provider);
  return provider && { person: provider.personOf(session), current, subject: session.subject };
}
