import { GatewayError } from '../../errors.ts';
import type { Revocation } from '../revocations.ts';

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

/**
 * What the processes of one gateway have in common: a place to do a thing once, a place for sessions, and a
 * way to tell each other of sign-outs. A single process has it in its own memory, workers in their primary,
 * instances in Redis.
 */
export interface Shared {
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
  /** Sealed sessions by id. */
  sessions: SessionTable;
  /** Tells all processes, this one included. */
  publish(revocation: Revocation): Promise<void>;
  /** Whether it can be reached; undefined where there is nothing to reach. */
  problem(): string | undefined;
  /** Whether the sign-outs from before the start of this process are known: without them nobody can be let in. */
  knowsSignOuts(): boolean;
  /** Waits for what is under way, and for its being written, but no longer than this. */
  close(withinMs?: number): Promise<void>;
}

/** A place where names are taken once, among the same processes. */
export interface ClaimDesk {
  /** Takes a name for a while: true for the first alone. Rejects with GatewayError 503 when that cannot be told. */
  claim(name: string, forMs: number): Promise<boolean>;
}

/** Sealed sessions by id. All of it rejects with GatewayError 503 when the place cannot be reached. */
export interface SessionTable {
  /** At once, where it is in this process. */
  get(id: string): string | undefined | Promise<string | undefined>;
  set(id: string, value: string, ttlSeconds: number): Promise<void>;
  delete(id: string): Promise<void>;
}

/** The store cannot be asked now: nobody is signed out for that, and nobody gets in. */
export function storeUnavailable(cause: unknown): GatewayError {
  return new GatewayError('store_unavailable', { retryAfter: 1, cause });
}
