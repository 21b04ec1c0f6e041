import { createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../../errors.ts';
import { type Cookie, joinChunks } from '../cookies.ts';
import { deriveKey, type KeyRing, type SealingKey } from '../key-ring.ts';
import { open, openWith, seal, sealWith } from '../seal.ts';
import { decodeSession, encodeSession, type Session } from '../session.ts';
import type { SessionTable } from '../shared/shared.ts';
import type { CookieWriter } from './cookie-writer.ts';
import type { Found, SessionStore } from './store.ts';

/** What the cookie holds: where the session is, and the only key that opens it. */
interface Ticket {
  /** The place in the table: a digest, so that a dump of the table gives no ticket. */
  place: string;
  key: SealingKey;
  /** The ticket as it stands in the cookie, unsealed. */
  text: string;
}

const ticketBytes = 32;

/** Keeps sessions on the server, each sealed with a key that only its cookie holds. */
export function createTicketStore(
  writer: CookieWriter,
  ring: KeyRing,
  table: SessionTable,
  now: () => number = Date.now,
): SessionStore {
  const { name } = writer;
  const put = (ticket: Ticket, session: Session) => {
    const ttl = Math.max(1, session.expiresAt - Math.floor(now() / 1000));
    return table.set(ticket.place, sealWith(ticket.key, encodeSession(session), 'stored', ticket.place), ttl);
  };
  const cookieOf = ({ text }: Ticket, session: Session, cookies: readonly Cookie[]): string[] => {
    const lines = writer.write(seal(text, ring, 'session', name), session, cookies);
    if (!lines) throw new GatewayError('session_too_large');
    return lines;
  };
  const find = async (ticket: Ticket, outdatedKey: boolean): Promise<Found | undefined> => {
    const value = await table.get(ticket.place);
    const opened = value === undefined ? undefined : openWith([ticket.key], value, 'stored', ticket.place);
    const session = opened && decodeSession(opened.text);
    return session && { session, outdatedKey, handle: ticket };
  };

  return {
    onServer: true,
    async read(cookies) {
      for (const value of joinChunks(name, cookies)) {
        const opened = open(value, ring, 'session', name);
        const ticket = opened && readTicket(opened.text);
        const found = ticket && (await find(ticket, opened.outdatedKey));
        if (found) return found;
      }
      return undefined;
    },
    async create(session, cookies) {
      const ticket = makeTicket(randomBytes(ticketBytes).toString('base64url'));
      await put(ticket, session);
      return cookieOf(ticket, session, cookies);
    },
    async update({ handle, outdatedKey }, session, cookies) {
      const ticket = handle as Ticket;
      await put(ticket, session);
      return outdatedKey ? cookieOf(ticket, session, cookies) : [];
    },
    remove: ({ handle }) => table.delete((handle as Ticket).place),
  };
}

function makeTicket(text: string): Ticket {
  const secret = Buffer.from(text, 'base64url');
  const place = createHash('sha256').update('sallyport/v1/place').update(secret).digest('base64url');
  return { place, key: deriveKey(secret, 'stored'), text };
}

function readTicket(text: string): Ticket | undefined {
  return /^[A-Za-z0-9_-]{43}$/.test(text) ? makeTicket(text) : undefined;
}
