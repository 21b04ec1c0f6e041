import type { Clock, Timer } from '../../clock.ts';
import { isNetworkError } from './error-causes.ts';

/** What an endpoint is asked, to see whether it answers: with a code, or a refresh token, that nobody has. */
export type Probe = (grant: Grant) => Promise<unknown>;
type Grant = 'authorization_code' | 'refresh_token';

/**
 * Sees to calls whose answer must not be lost, and that therefore wait for long: one that was lost in a server that
 * hung is sent once more as soon as the server answers again. While it does not, others ask in its place, with nothing
 * that could be used up.
 */
export interface HangWatch {
  /**
   * Sends, again where that helps; the first answer that is a success counts, be it the one to the first.
   * @param probe resolves when there is an answer that only a working server gives; that of the newest call is used
   */
  call<T>(send: () => Promise<T>, probe: Probe): Promise<T>;
}

/** When a server counts as hung, and as back; all in milliseconds. */
export interface HangTimings {
  /** A call that takes longer may be one that hangs: from here on the server is asked. */
  slow: number;
  /** Between two probes, as long as the server may just be slow; and while it hangs. */
  calm: number;
  hung: number;
  /** A probe that takes longer tells of a server that is still not itself. */
  prompt: number;
  /** No refresh that is still worked on takes longer, wherever others are answered promptly. */
  lost: number;
  /** A refusal of the second may come of the first having worked: that one's answer gets so long. */
  grace: number;
}

export const standardTimings: HangTimings = {
  slow: 500,
  calm: 400,
  hung: 200,
  prompt: 400,
  lost: 11_000,
  grace: 2000,
};

/**
 * So many probes in a row without a prompt answer are a server that hangs. One or two are a server that is busy: to
 * send a refresh token again that it works on would be a second use of it, which ends sessions.
 */
const enoughMissed = 5;
/** So many prompt answers in a row are a server that is back, and by then it has answered what it had kept. */
const enoughPrompt = 2;

interface Call {
  begunAt: number;
  sends: number;
  probe: Probe;
  send(): void;
}

/**
 * Keeps nothing of who calls but for as long as the call takes.
 * @param onBack called when a server that hung answers again
 */
export function createHangWatch(
  onBack: () => void,
  clock: Clock,
  timings: HangTimings = standardTimings,
): HangWatch {
  const now = clock.monotonic;
  const calls = new Set<Call>();
  let timer: Timer | undefined;
  let lastLook = Number.NEGATIVE_INFINITY;

  const pulse = createPulse(clock, timings, (hung) => {
    if (hung) onBack();
    const oldest = hung ? timings.slow : timings.lost;
    for (const call of calls) {
      if (now() - call.begunAt >= oldest && call.sends === 1) call.send();
    }
  });

  const tick = () => {
    if (calls.size === 0) {
      timer?.cancel();
      timer = undefined;
      pulse.reset();
      return;
    }
    if (now() - lastLook < (pulse.isHung() ? timings.hung : timings.calm)) return;
    const oldest = Math.max(...[...calls].map(({ begunAt }) => now() - begunAt));
    if (oldest < timings.slow) return;
    lastLook = now();
    const newest = [...calls].at(-1);
    if (newest)
      void pulse.look(newest.probe, oldest >= timings.lost ? 'refresh_token' : 'authorization_code');
  };

  return {
    call: (send, probe) =>
      new Promise((resolve, reject) => {
        const call = createCall({ send, probe }, clock, timings, (end) => {
          calls.delete(call);
          end(resolve, reject);
        });
        calls.add(call);
        timer ??= clock.every(timings.hung / 2, tick).unref();
        call.send();
      }),
  };
}

/** Ends a call once, with the first answer that counts. */
type Settle<T> = (end: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) => void;

/** One call, which may be sent more than once. */
function createCall<T>(
  { send, probe }: { send: () => Promise<T>; probe: Probe },
  clock: Clock,
  { grace }: HangTimings,
  settled: Settle<T>,
): Call {
  let pending = 0;
  let graceTimer: Timer | undefined;
  const settle: Settle<T> = (end) => {
    graceTimer?.cancel();
    settled(end);
  };
  const rejectWith = (error: unknown) => settle((_resolve, reject) => reject(error));
  const failed = (error: unknown) => {
    pending -= 1;
    if (pending === 0) rejectWith(error);
    else if (!isNetworkError(error)) graceTimer ??= clock.after(grace, () => rejectWith(error));
  };
  const call: Call = {
    begunAt: clock.monotonic(),
    sends: 0,
    probe,
    send() {
      pending += 1;
      call.sends += 1;
      send().then((value) => settle((resolve) => resolve(value)), failed);
    },
  };
  return call;
}

/** What the probes tell of a server. */
interface Pulse {
  isHung(): boolean;
  look(probe: Probe, grant: Grant): Promise<void>;
  /** Nobody waits any more: what was seen counts for nothing later. */
  reset(): void;
}

/** @param onPrompt called when the server answers promptly, with whether it hung before */
function createPulse(clock: Clock, timings: HangTimings, onPrompt: (hung: boolean) => void): Pulse {
  const now = clock.monotonic;
  let hung = false;
  let missedInRow = 0;
  /** When the prompt probes in a row began, and the last one that was not. */
  let prompt: number[] = [];
  let lastMissed = Number.NEGATIVE_INFINITY;

  /** One that began before the server was back says nothing of those that began after it. */
  const missed = (begunAt: number) => {
    missedInRow += 1;
    if (missedInRow >= enoughMissed) hung = true;
    lastMissed = Math.max(lastMissed, begunAt);
    prompt = prompt.filter((at) => at > lastMissed);
  };

  const answered = (begunAt: number, grant: Grant) => {
    if (begunAt > lastMissed) prompt.push(begunAt);
    missedInRow = 0;
    // A server that answered others all the time may just be slow with this one.
    if (prompt.length < enoughPrompt || (!hung && grant !== 'refresh_token')) return;
    const wasHung = hung;
    hung = false;
    prompt = [];
    onPrompt(wasHung);
  };

  return {
    isHung: () => hung,
    async look(probe, grant) {
      const begunAt = now();
      let isOver = false;
      const over = (end: () => void) => {
        if (!isOver) end();
        isOver = true;
      };
      const lateTimer = clock.after(timings.prompt, () => over(() => missed(begunAt)));
      try {
        await probe(grant);
        over(() => answered(begunAt, grant));
      } catch {
        over(() => missed(begunAt));
      } finally {
        lateTimer.cancel();
      }
    },
    reset() {
      hung = false;
      missedInRow = 0;
      prompt = [];
    },
  };
}
