import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { text } from '../../pages/texts/text.ts';
import type { Cookie } from '../cookies.ts';
import { joinChunks } from '../cookies.ts';
import type { Found } from '../found.ts';
import type { KeyRing } from '../key-ring.ts';
import type { OpenedCookies } from '../opened-cookies.ts';
import { open, seal } from '../seal.ts';
import { decodeSession, encodeSession, type Session } from '../session.ts';
import type { CookieWriter } from './cookie-writer.ts';
import type { SessionStore } from './store.ts';

/** Keeps sessions in the browser: sealed, in one cookie or a few. */
export function createCookieStore(
  writer: CookieWriter,
  ring: KeyRing,
  opened: OpenedCookies<Found>,
  emit: Emit,
): SessionStore {
  const { name } = writer;
  const write = (session: Session, cookies: readonly Cookie[]): string[] => {
    const sealed = (content: Session) => seal(encodeSession(content), ring, 'session', name);
    const whole = writer.write(sealed(session), session, cookies);
    if (whole) return whole;
    // The ID token only helps the provider to recognise a sign-out; the rest of the session needs no help.
    const smaller = writer.write(sealed({ ...session, idToken: undefined }), session, cookies);
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
      for (const value of joinChunks(name, cookies)) {
        const unsealed = open(value, ring, 'session', name);
        if (unsealed && decodeSession(unsealed.text)) return true;
      }
      return false;
    },
    read(cookies) {
      for (const value of joinChunks(name, cookies)) {
        const unsealed = open(value, ring, 'session', name);
        const session = unsealed && decodeSession(unsealed.text);
        if (!session) continue;
        const found = { session, outdatedKey: unsealed.outdatedKey, handle: undefined };
        opened.remember(value, found, unsealed.text.length);
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
