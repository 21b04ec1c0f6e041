import type { Clock, Timer } from '../clock.ts';
import { GatewayError } from '../errors.ts';

/** How many requests a target has at once, and how many wait for their turn. */
export interface TurnLimits {
  most: number;
  queue: { size: number; timeout: number };
  /** Called for each that has no turn. */
  refused(): void;
}

/** A request that waits for its turn, and what it is told. */
export interface Waiter {
  /**
   * Its turn has come: requests go in the order in which they came.
   * @param at where that is
   */
  turnCame(at: TargetTurns): void;
  /** Called instead, with GatewayError 503, where too many wait or it took too long. */
  noTurn(error: GatewayError): void;
  /** Other targets that would do as well, asked for when it has to wait: it takes the first turn of any of them. */
  elsewhere(): readonly TargetTurns[];
  /** Whether it still would go there. */
  wants(at: TargetTurns): boolean;
}

/** The turns of one target. They outlive plans, each of which asks by its own limits. */
export interface TargetTurns {
  /** Whether a request that asks now begins at once. */
  isFree(limits: TurnLimits): boolean;
  /** Whether a request that asks now may wait. */
  hasPlace(limits: TurnLimits): boolean;
  ask(limits: TurnLimits, waiter: Waiter): Turn;
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
  return new Queue(clock);
}

class Queue implements TargetTurns {
  /** In the order of their coming, those of other targets among them; who leaves in the middle is taken out at once. */
  readonly waiting = new Set<OneTurn>();
  readonly clock: Pick<Clock, 'after'>;
  running = 0;
  /** Those that wait and have asked here; each of them waits elsewhere too, where it takes no place. */
  places = 0;

  constructor(clock: Pick<Clock, 'after'>) {
    this.clock = clock;
  }

  isFree({ most }: TurnLimits): boolean {
    return this.waiting.size === 0 && this.running < most;
  }

  hasPlace({ queue }: TurnLimits): boolean {
    return this.places < queue.size;
  }

  ask(limits: TurnLimits, waiter: Waiter): Turn {
    return new OneTurn(this, limits, waiter);
  }

  next(): void {
    for (const first of this.waiting) {
      if (this.running >= first.limits.most) return;
      if (first.waiter.wants(this)) first.beginAt(this);
    }
  }
}

class OneTurn implements Turn {
  readonly limits: TurnLimits;
  readonly waiter: Waiter;
  /** Where it has asked. */
  readonly #asked: Queue;
  #waitsAt: readonly Queue[] = [];
  #runsAt: Queue | undefined;
  #timer: Timer | undefined;

  constructor(asked: Queue, limits: TurnLimits, waiter: Waiter) {
    this.#asked = asked;
    this.limits = limits;
    this.waiter = waiter;
  }

  start(): void {
    const asked = this.#asked;
    if (asked.isFree(this.limits)) {
      this.beginAt(asked);
    } else if (!asked.hasPlace(this.limits)) {
      this.#refuse();
    } else {
      asked.places += 1;
      this.#waitsAt = [...new Set([asked, ...(this.waiter.elsewhere() as Queue[])])];
      for (const { waiting } of this.#waitsAt) waiting.add(this);
      this.#timer = asked.clock.after(this.limits.queue.timeout, () => {
        this.leave();
        this.#refuse();
      });
    }
  }

  beginAt(queue: Queue): void {
    this.leave();
    this.#runsAt = queue;
    queue.running += 1;
    this.waiter.turnCame(queue);
  }

  end(): void {
    this.leave();
    const ranAt = this.#runsAt;
    if (!ranAt) return;
    this.#runsAt = undefined;
    ranAt.running -= 1;
    // The request that ends may be about to report a failure of the target, which the next one has to know.
    if (ranAt.waiting.size > 0) queueMicrotask(() => ranAt.next());
  }

  leave(): boolean {
    this.#timer?.cancel();
    if (this.#waitsAt.length === 0) return false;
    for (const { waiting } of this.#waitsAt) waiting.delete(this);
    this.#waitsAt = [];
    this.#asked.places -= 1;
    return true;
  }

  #refuse(): void {
    this.limits.refused();
    this.waiter.noTurn(new GatewayError('upstream_busy', { retryAfter: 1 }));
  }
}
