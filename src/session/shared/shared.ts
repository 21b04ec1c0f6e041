import { GatewayError } from '../../errors.ts';
import type { Revocation } from '../revocations.ts';

/**
 * What the processes of one gateway have in common: a place to do a thing once, and one to take a name. A single
 * process has it in its own memory, workers in their primary, instances in Redis.
 */
export interface Shared extends ClaimDesk {
  /**
   * Does the work once among all processes, however many ask for the key at the same time, and gives all of
   * them its value. Rejects when the work does, or with GatewayError 503.
   * @param work gets the value of the last time, where that is remembered
   */
  once(
    key: string,
    work: (previous: string | undefined) => Promise<Posted>,
    unrepeatable?: Unrepeatable,
  ): Promise<string>;
  /** Puts another value in place of the one that work for a key had. It never fails: it is there when it can be. */
  settle(key: string, posted: Posted): void;
}

/** The outcome of work that one process did for all. */
export interface Posted {
  value: string;
  /** Milliseconds for which others that come for the same key get this value. */
  lingerMs: number;
  /** What stands in its place afterwards: work that must never be done twice leaves a mark. */
  afterwards?: { value: string; forMs: number };
  /** For so many milliseconds after that, whoever does the work again is told of the value. */
  rememberMs?: number;
}

/** Work that must never be done twice, such as to send a refresh token that is replaced by its use. */
export interface Unrepeatable {
  /** The value for those who come when it was begun by somebody who ended before telling what came of it. */
  lost: string;
  /** Milliseconds for which it must not be begun again. */
  forMs: number;
  /** Whose end loses what came of it: that of the process that does it, or only that of the whole gateway. */
  heldBy: 'process' | 'gateway';
}

/** Where processes share things: a few small ports. A kind of place is one file that opens it; see places.ts. */
export interface Place {
  turns: Turns;
  sessions: SessionTable;
  listings: Listings;
  bus: Bus;
  claims: ClaimDesk;
  /** Undefined where this process is alone. */
  counts?: CountDesk;
  /**
   * Resolves when it has answered for the first time: its sign-outs are known here, and it was told what this process
   * holds. Never, where it cannot be reached; `problem` says why.
   */
  ready: Promise<void>;
  /** What is wrong with it, for people to read; undefined where it can be used. */
  problem(): string | undefined;
  /** What of it does not work, by a name that programs go by; left out by a place that is in this process. */
  trouble?(): { reason: string; detail: string } | undefined;
  /** Writes what could not be written yet, for so many milliseconds at the most. */
  flush(withinMs: number): Promise<void>;
  /** Writes what is left, within a limit of its own, and ends. */
  close(): Promise<void>;
}

/**
 * A lock for each key, beside what came of the work that was done under it. once.ts stands above it and is the only one
 * that knows in what order to use these.
 */
export interface Turns {
  /**
   * Asks for a turn, without waiting for one. The turn of unrepeatable work is written down as begun before this gives
   * it. Rejects with GatewayError 503.
   */
  take(key: string, unrepeatable?: Unrepeatable): Promise<Taken>;
  /** The holder lives. Never rejects. */
  renew(key: string, holder: string): Promise<void>;
  /**
   * Writes what came of it and gives the turn back; without a holder, only writes. Never rejects: what cannot be
   * written now is known in this process at once, and written when it can be.
   */
  post(key: string, posted: Posted, holder?: string): Promise<void>;
  /** Gives a turn back of which nothing came: somebody else may begin. Never rejects. */
  release(key: string, holder: string): Promise<void>;
  /** A holder that does not renew within some of these loses its turn; undefined where its end is seen otherwise. */
  renewEveryMs: number | undefined;
  /**
   * Calls back when a turn may have ended, with its value where that is at hand; returns what takes the callback off.
   * To be called before `take`, so that no end is missed in between. It may be missed all the same.
   */
  onEnd(key: string, callback: (value: string | undefined) => void): () => void;
}

/** The answer to whoever asks for a turn. */
export type Taken =
  /** Somebody had it: this is what came of it. */
  | { kind: 'done'; value: string }
  /** It is given. `previous`: what came of the last one, where that is remembered. */
  | { kind: 'yours'; holder: string; previous: string | undefined }
  /** Somebody has it. */
  | { kind: 'taken' }
  /** Unrepeatable work that somebody began, who is gone or cut off and may still tell what came of it. */
  | { kind: 'untold' }
  /** The same, and nobody will tell any more. */
  | { kind: 'lost' };

/** What all processes are told of. */
export interface Bus {
  /** Tells all of them of a sign-out, this one included. Rejects with GatewayError 503; this one knows it all the same. */
  publish(revocation: Revocation): Promise<void>;
  /** Whether the sign-outs from before the start of this process are known: without them nobody can be let in. */
  knowsSignOuts(): boolean;
  /**
   * Resolves when what others have told by now is known here; undefined where it is, but for a moment. A process that was
   * held up finds requests and what it was told in any order.
   */
  catchUp?(): Promise<void> | undefined;
}

/** A place where names are taken once, among the same processes. */
export interface ClaimDesk {
  /** Takes a name for a while: true for the first alone. Rejects with GatewayError 503 when that cannot be told. */
  claim(name: string, forMs: number): Promise<boolean>;
}

/** A place where what comes to several processes is counted together. */
export interface CountDesk {
  /** Adds to debts, which time pays off, and gives what each is then, in milliseconds. Rejects with GatewayError 503. */
  add(counts: readonly Count[]): Promise<number[]>;
}

export interface Count {
  key: string;
  costMs: number;
  /** The debt is no larger than this. */
  mostMs: number;
}

/** Sealed sessions by id. All of it rejects with GatewayError 503 when the place cannot be reached. */
export interface SessionTable {
  /** At once, where it is in this process. */
  get(id: string): string | undefined | Promise<string | undefined>;
  set(id: string, value: string, ttlSeconds: number): Promise<void>;
  /** The same where `was` stands there; false where anything else does, or nothing. */
  replace(id: string, was: string, value: string, ttlSeconds: number): Promise<boolean>;
  delete(id: string): Promise<void>;
}

/**
 * What those who run the gateway may know of a session. All of its texts are seals or names that tell nothing without
 * a secret.
 */
export interface Listing {
  /** It does not change while the session lasts. */
  name: string;
  /** The id of the session in the table. */
  place: string;
  value: string;
  /** What it is found by. */
  under: readonly string[];
  ttlSeconds: number;
}

/** What is to be written of that under which a listing is found; the rest stands already. */
export interface ListingChange {
  added: readonly string[];
  /** It is not found by these any more. */
  gone: readonly string[];
}

/** Listings of the sessions in the table. All of it rejects with GatewayError 503 when the place cannot be reached. */
export interface Listings {
  /** Writes the listing of a session that is in the table, or is being put there. */
  put(listing: Listing, change: ListingChange): Promise<void>;
  /** The values of those that are found by one of these, by their names. */
  under(keys: readonly string[]): Promise<[name: string, value: string][]>;
  get(name: string): Promise<string | undefined>;
  remove(listing: Omit<Listing, 'value' | 'ttlSeconds'>): Promise<void>;
}

/** The store cannot be asked now: nobody is signed out for that, and nobody gets in. */
export function storeUnavailable(cause: unknown): GatewayError {
  return new GatewayError('store_unavailable', { retryAfter: 1, cause });
}
