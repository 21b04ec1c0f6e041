import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { text } from '../../pages/texts/text.ts';
import type { Cookie } from '../cookies.ts';
import { joinChunks } from '../cookies.ts';
import type { Found } from '../found.ts';
import type { KeyRing } from '../key-ring.ts';
import type { OpenedCookies } from '../opened-cookies.ts';
import { openSession, type SessionForm, sealSession } from '../sealed-session.ts';
import type { Session } from '../session.ts';
import type { CookieWriter } from './cookie-writer.ts';
import type { SessionStore } from './store.ts';

/**
 * Keeps sessions in the browser: sealed, in one cookie or a few.
 * @param form that sessions are written in
 */
export function createCookieStore(
  writer: CookieWriter,
  ring: KeyRing,
  opened: OpenedCookies<Found>,
  emit: Emit,
  form: SessionForm = 2,
): SessionStore {
  const { name } = writer;
  const tryToWrite = (session: Session, cookies: readonly Cookie[]): string[] | undefined => {
    const made = sealSession(form, session, ring.session[0], 'session', name);
    const lines = made && writer.write(made.sealed, session, cookies);
    // It comes back with the next request.
    if (lines) opened.expect(made.sealed, { session, outdatedKey: false, handle: undefined }, made.size);
    return lines;
  };
  const write = (session: Session, cookies: readonly Cookie[]): string[] => {
    const whole = tryToWrite(session, cookies);
    if (whole) return whole;
    // The ID token only helps the provider to recognise a sign-out; the rest of the session needs no help.
    const smaller = tryToWrite({ ...session, idToken: undefined }, cookies);
    const { provider, subject, id: sessionId } = session;
    const isKept = smaller !== undefined;
    emit({ kind: 'session-too-large', provider, subject, sessionId, limit: writer.maxBytes, isKept });
    if (smaller) return smaller;
    throw new GatewayError('session_too_large', {
      detail: text('detail.smaller_session'),
    });
  };
  return {
    onServer: false,
    recall: (header) => opened.recall(header),
    opens(cookies) {
      for (const value of joinChunks(name, cookies))
        if (openSession(value, ring.session, 'session', name)) return true;
      return false;
    },
    read(cookies) {
      for (const value of joinChunks(name, cookies)) {
        const unsealed = openSession(value, ring.session, 'session', name);
        if (!unsealed) continue;
        const { session, outdatedKey, size } = unsealed;
        const found = { session, outdatedKey, handle: undefined };
        opened.remember(value, found, size);
        return found;
      }
      return undefined;
    },
    create: write,
    update: (_found, session, cookies) => write(session, cookies),
    expire: (cookies) => writer.expire(cookies),
    remove: async () => {},
  };
}
