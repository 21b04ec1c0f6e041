import type { Clock, Timer } from '../clock.ts';
import { GatewayError } from '../errors.ts';

/** How many requests a target has at once, and how many wait for their turn. */
export interface TurnLimits {
  most: number;
  queue: { size: number; timeout: number };
  /** Called for each that has no turn. */
  refused(): void;
}

/** The turns of one target. They outlive plans, each of which asks by its own limits. */
export interface TargetTurns {
  /**
   * @param begin called when it is this one's turn: who came first goes first
   * @param failed called instead, with GatewayError 503, where too many wait or it took too long
   */
  ask(limits: TurnLimits, begin: () => void, failed: (error: GatewayError) => void): Turn;
}

export interface Turn {
  /** Begins at once where there is room, or waits. */
  start(): void;
  /** It is over, or nobody waits for it any more. To be called whatever comes of it; again, it does nothing. */
  end(): void;
  /** Leaves the queue; does nothing where it has begun. Whether it did wait. */
  leave(): boolean;
}

export function createTargetTurns(clock: Pick<Clock, 'after'>): TargetTurns {
  const queue = new Queue(clock);
  return { ask: (limits, begin, failed) => new OneTurn(queue, limits, begin, failed) };
}

class Queue {
  /** In the order of their coming; who leaves in the middle is taken out at once. */
  readonly waiting = new Set<OneTurn>();
  readonly clock: Pick<Clock, 'after'>;
  running = 0;

  constructor(clock: Pick<Clock, 'after'>) {
    this.clock = clock;
  }

  next(): void {
    for (const first of this.waiting) {
      if (this.running >= first.limits.most) return;
      first.begin();
    }
  }
}

class OneTurn implements Turn {
  readonly limits: TurnLimits;
  readonly #queue: Queue;
  readonly #begin: () => void;
  readonly #failed: (error: GatewayError) => void;
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(queue: Queue, limits: TurnLimits, begin: () => void, failed: (error: GatewayError) => void) {
    this.#queue = queue;
    this.limits = limits;
    this.#begin = begin;
    this.#failed = failed;
  }

  start(): void {
    const { waiting, running, clock } = this.#queue;
    const { most, queue } = this.limits;
    if (waiting.size === 0 && running < most) {
      this.begin();
    } else if (waiting.size >= queue.size) {
      this.#refuse();
    } else {
      waiting.add(this);
      this.#timer = clock.after(queue.timeout, () => {
        waiting.delete(this);
        this.#refuse();
      });
    }
  }

  begin(): void {
    this.leave();
    this.#isRunning = true;
    this.#queue.running += 1;
    this.#begin();
  }

  end(): void {
    this.leave();
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#queue.running -= 1;
    this.#queue.next();
  }

  leave(): boolean {
    this.#timer?.cancel();
    return this.#queue.waiting.delete(this);
  }

  #refuse(): void {
    this.limits.refused();
    this.#failed(new GatewayError('upstream_busy', { retryAfter: 1 }));
  }
}
