import { createBounded } from '../../bounded.ts';
import { type Clock, waitFor, within } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import type { Board } from './board.ts';
import { inBatches } from './held.ts';
import { createRecent } from './recent.ts';
import type { RedisLink } from './redis-link.ts';
import type { Posted } from './shared.ts';

/** Results that wait for Redis to come back, at the most. */
const mostUnwritten = 10_000;
/** Between two attempts at the end of the process. */
const writeAgainMs = 200;

/** What came of work here, on its way to Redis. */
export interface Outbox {
  /** A result that cannot be written is known here all the same, and reaches the others when it can. Never rejects. */
  post(key: string, posted: Posted, holder: string | undefined): Promise<void>;
  /** Writes what was done by way of another place. Never rejects. */
  pass(key: string, posted: Posted, holder: string | undefined): Promise<void>;
  /** Writes what was done in this process, by whatever way, and still counts. Never rejects. */
  passAll(): Promise<void>;
  /** The server is back. */
  writeAgain(): void;
  /** Writes what is left, for so long at the most. */
  flush(withinMs: number): Promise<void>;
}

export interface OutboxNeeds {
  /** @param ageMs it was posted so long ago */
  write(key: string, letter: Letter, ageMs: number): Promise<unknown>;
  link: Pick<RedisLink, 'wellUntil'>;
  board: Board;
  emit: Emit;
  clock: Clock;
}

export interface Letter {
  posted: Posted;
  at: number;
  /** Whose turn ends with it. */
  holder: string | undefined;
  /** It was written before: what stands there now is as good or newer. */
  isAgain: boolean;
}

export function createOutbox(needs: OutboxNeeds): Outbox {
  const { board, clock } = needs;
  const letters = createLetters(needs);

  const send = (key: string, posted: Posted, holder: string | undefined, isAgain: boolean) =>
    letters.send(key, { posted, at: clock.monotonic(), holder, isAgain });

  return {
    async post(key, posted, holder) {
      board.post(key, posted);
      await send(key, posted, holder, false);
    },
    pass: (key, posted, holder) => send(key, posted, holder, false),
    passAll: () => inBatches(board.all(), ([key, posted]) => send(key, posted, undefined, true)),
    writeAgain() {
      letters.doubtRecent();
      void letters.sendAll();
    },
    async flush(withinMs) {
      const end = clock.monotonic() + withinMs;
      await within(clock, withinMs, letters.sent());
      while (letters.areLeft() && clock.monotonic() < end) {
        await letters.sendAll();
        if (letters.areLeft()) await waitFor(clock, writeAgainMs);
      }
    },
  };
}

/** What could not be written yet, and what was written last, which may have been lost. */
function createLetters({ write, link, emit, clock }: OutboxNeeds) {
  const unwritten = createBounded<string, Letter>({ entries: mostUnwritten });
  const recent = createRecent<string, Letter>(link, unwritten, mostUnwritten);
  const underWay = new Set<Promise<void>>();

  const written = (key: string, letter: Letter) => {
    if (unwritten.get(key)?.at === letter.at) unwritten.delete(key);
    recent.add(key, letter, letter.at);
  };

  const tryToWrite = async (key: string, letter: Letter): Promise<void> => {
    const { at, holder } = letter;
    try {
      await write(key, letter, clock.monotonic() - at);
      written(key, letter);
    } catch (error) {
      const other = unwritten.get(key);
      // One that waited already keeps its place.
      if (other === letter || (other && other.at > at)) return;
      if (unwritten.size === 0) emit({ kind: 'refresh-not-shared', error });
      // The turn that was to end with an earlier one ends with this.
      unwritten.set(key, { ...letter, holder: holder ?? other?.holder });
    }
  };

  const send = (key: string, letter: Letter): Promise<void> => {
    const sending = tryToWrite(key, letter).finally(() => underWay.delete(sending));
    underWay.add(sending);
    return sending;
  };

  return {
    send,
    /** Resolves when what is on its way now has arrived, or has not. */
    sent: () => Promise.all(underWay),
    sendAll: () => Promise.all([...unwritten].map(([key, letter]) => send(key, letter))),
    areLeft: () => unwritten.size > 0,
    doubtRecent: () => recent.doubt((key, letter) => unwritten.set(key, { ...letter, isAgain: true })),
  };
}
