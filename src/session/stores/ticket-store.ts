import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { type Cookie, joinChunks } from '../cookies.ts';
import type { Found, Maybe } from '../found.ts';
import { deriveKey, type KeyRing, type SealingKey } from '../key-ring.ts';
import { type OpenedCookies, ownText } from '../opened-cookies.ts';
import { open, seal } from '../seal.ts';
import { openSession, type SessionForm, sealSession } from '../sealed-session.ts';
import type { Session } from '../session.ts';
import type { SessionTable } from '../shared/shared.ts';
import type { CookieWriter } from './cookie-writer.ts';
import type { Listed } from './listed.ts';
import type { SessionStore } from './store.ts';

/** What the cookie holds: where the session is, and the only key that opens it. */
interface Ticket {
  /** The place in the table: a digest, so that a dump of the table gives no ticket. */
  place: string;
  key: SealingKey;
  /** The ticket as it stands in the cookie, unsealed. */
  text: string;
}

/** What is needed to write a session again. */
interface Handle extends Ticket {
  /** What stood in the table when it was found. */
  stored: string;
}

/** A ticket that was read, and what stood in its place when it was looked up last. */
export interface KnownTicket {
  /** The cookie that it stood in. */
  sealed: string;
  ticket: Ticket;
  outdatedKey: boolean;
  stored: string | undefined;
  found: Found | undefined;
}

const ticketBytes = 32;

/**
 * Keeps sessions on the server, each sealed with a key that only its cookie holds.
 * @param form that sessions are written in
 */
export function createTicketStore(
  writer: CookieWriter,
  ring: KeyRing,
  table: SessionTable,
  listed: Pick<Listed, 'began' | 'changed' | 'ended'>,
  tickets: OpenedCookies<KnownTicket>,
  { now }: Pick<Clock, 'now'>,
  form: SessionForm,
): SessionStore {
  const { name } = writer;
  const { put, replace } = createRows(table, form, now);
  const find = createFind(table, tickets);
  const cookieOf = ({ text }: Ticket, session: Session, cookies: readonly Cookie[]): string[] => {
    const lines = writer.write(seal(text, ring, 'session', name), session, cookies);
    if (!lines) throw new GatewayError('session_too_large');
    return lines;
  };
  return {
    onServer: true,
    recall(header) {
      const known = tickets.recall(header);
      return known && find(known);
    },
    opens: (cookies) => !ticketsIn(cookies, name, ring).next().done,
    async read(cookies) {
      for (const { value, ticket, outdatedKey } of ticketsIn(cookies, name, ring)) {
        const sealed = ownText(value);
        const found = await find({ sealed, ticket, outdatedKey, stored: undefined, found: undefined });
        if (found) return found;
      }
      return undefined;
    },
    async create(session, cookies) {
      const ticket = makeTicket(randomBytes(ticketBytes).toString('base64url'));
      await Promise.all([put(ticket, session), listed.began(ticket.place, session)]);
      return cookieOf(ticket, session, cookies);
    },
    async update({ handle, outdatedKey, session: before }, session, cookies) {
      const ticket = handle as Ticket;
      const isRefreshed = session.accessToken !== before.accessToken;
      const listing = listed.changed(ticket.place, before, session, isRefreshed || outdatedKey);
      await Promise.all([put(ticket, session), listing]);
      return outdatedKey ? cookieOf(ticket, session, cookies) : [];
    },
    use: (found, seenAt) => replaced(listed, found, seenAt, replace),
    resealed: ({ handle, session }, cookies) => cookieOf(handle as Ticket, session, cookies),
    expire: (cookies) => writer.expire(cookies),
    async remove({ handle, session }) {
      const { place } = handle as Ticket;
      await Promise.all([table.delete(place), listed.ended(place, session)]);
    },
    async removeUnread(cookies) {
      const places = [...ticketsIn(cookies, name, ring)].map(({ ticket }) => ticket.place);
      await Promise.all(places.map((place) => table.delete(place)));
    },
  };
}

/** Sessions as they stand in the table. */
function createRows(table: SessionTable, form: SessionForm, now: Clock['now']) {
  const sealedFor = (ticket: Ticket, session: Session) => {
    const made = sealSession(form, session, ticket.key, 'stored', ticket.place);
    if (!made) throw new GatewayError('session_too_large');
    return made.sealed;
  };
  const ttlOf = ({ expiresAt }: Session) => Math.max(1, expiresAt - Math.floor(now() / 1000));
  return {
    put: (ticket: Ticket, session: Session) =>
      table.set(ticket.place, sealedFor(ticket, session), ttlOf(session)),
    replace: (ticket: Ticket, was: string, session: Session) =>
      table.replace(ticket.place, was, sealedFor(ticket, session), ttlOf(session)),
  };
}

/** Writes only that a session was used, where it is as it was found. */
async function replaced(
  listed: Pick<Listed, 'changed'>,
  { handle, session: before, outdatedKey }: Found,
  seenAt: number,
  replace: (ticket: Ticket, was: string, session: Session) => Promise<boolean>,
): Promise<boolean> {
  const { stored, ...ticket } = handle as Handle;
  const session = { ...before, seenAt };
  if (!(await replace(ticket, stored, session))) return false;
  await listed.changed(ticket.place, before, session, outdatedKey);
  return true;
}

/** The tickets that the cookies of a request open to. */
function* ticketsIn(cookies: readonly Cookie[], name: string, ring: KeyRing) {
  for (const value of joinChunks(name, cookies)) {
    const opened = open(value, ring, 'session', name);
    const ticket = opened && readTicket(opened.text);
    if (ticket) yield { value, ticket, outdatedKey: opened.outdatedKey };
  }
}

/** The table is asked each time; what it gives is opened when it has changed, and remembered by what it takes then. */
function createFind(table: SessionTable, tickets: OpenedCookies<KnownTicket>) {
  const openStored = (known: KnownTicket, value: string | undefined): Found | undefined => {
    if (value !== undefined && value === known.stored) return known.found;
    const { sealed, ticket, outdatedKey } = known;
    const opened = value === undefined ? undefined : openSession(value, [ticket.key], 'stored', ticket.place);
    known.stored = value;
    known.found = opened && {
      session: opened.session,
      outdatedKey,
      handle: { ...ticket, stored: value },
    };
    if (value !== undefined && opened) tickets.remember(sealed, known, value.length + opened.size);
    return known.found;
  };
  return (known: KnownTicket): Maybe<Found | undefined> => {
    const stored = table.get(known.ticket.place);
    return stored instanceof Promise
      ? stored.then((value) => openStored(known, value))
      : openStored(known, stored);
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
