import { createBounded } from '../../bounded.ts';
import type { Clock, Timer } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Found } from '../found.ts';
import type { Session } from '../session.ts';

/** What is noted is written after this, all of it together. */
const writeAfterMs = 1000;
/** What could not be written is tried again after this, some of it until something can be. */
const writeAgainMs = 5000;
/** What finds no room is not noted: the session is written down before an answer then, by a request that comes later. */
const mostNoted = 10_000;
/** So many at a time: others wait behind them. */
const batch = 200;

/** Writes one, unless the session was changed meanwhile. */
export type WriteUse = (found: Found, seenAt: number) => Promise<unknown>;

/**
 * That sessions were used, on its way to where they are kept. While that takes no writes it is kept here, so that nobody
 * is taken for idle for an outage.
 */
export interface NotedUses {
  note(found: Found, seenAt: number): void;
  /** When a session was used last, where that is not written yet. */
  lastOf(session: Session): number | undefined;
  /** Writes what is noted now, as far as it can be. Never rejects. */
  flush(): Promise<void>;
  /** What is noted from before is written so from now on. */
  goOnWith(write: WriteUse): void;
  close(): void;
}

interface Noted {
  readonly found: Found;
  readonly seenAt: number;
}

export function createNotedUses(firstWrite: WriteUse, clock: Pick<Clock, 'after'>): NotedUses {
  const noted = createBounded<string, Noted>({ entries: mostNoted, givesWay: 'newcomer' });
  let write = firstWrite;
  let timer: Timer | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  const writeOne = async ({ found, seenAt }: Noted) => {
    try {
      await write(found, seenAt);
    } catch (error) {
      if (isOut(error)) return false;
    }
    // Whatever was noted meanwhile of what was found is too late: it stands otherwise now.
    if (noted.peek(found.session.id)?.found === found) noted.delete(found.session.id);
    return true;
  };
  /** Gives whether all of it could be written. */
  const writeAll = async () => {
    const all = [...noted.values()];
    for (let start = 0; start < all.length; start += batch) {
      const done = await Promise.all(all.slice(start, start + batch).map(writeOne));
      if (done.includes(false)) return false;
    }
    return true;
  };
  // One after the other: a Redis that is slow is not asked for the same again meanwhile.
  const flush = () => {
    const next = writing.then(writeAll);
    writing = next;
    return next;
  };
  const later = (ms: number) => {
    timer ??= clock.after(ms, () => void flush().then(again)).unref();
  };
  const again = (isWritten: boolean) => {
    timer = undefined;
    if (noted.size > 0) later(isWritten ? writeAfterMs : writeAgainMs);
  };

  return {
    note(found, seenAt) {
      noted.set(found.session.id, { found, seenAt });
      later(writeAfterMs);
    },
    lastOf: ({ id }) => noted.peek(id)?.seenAt,
    flush: async () => void (await flush()),
    goOnWith(next) {
      write = next;
    },
    close() {
      noted.clear();
      timer?.cancel();
    },
  };
}

const isOut = (error: unknown) => error instanceof GatewayError && error.code === 'store_unavailable';
