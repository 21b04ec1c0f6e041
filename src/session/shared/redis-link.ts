import { afterListening, type Clock, type Timer } from '../../clock.ts';
import type { StoreOperation } from '../../observe/events/stores.ts';
import type { Emit } from '../../observe/events.ts';
import { connectRedis, type RedisClient, type RedisSettings } from './redis-client.ts';
import { type Fault, faultOf, RedisTimeout, type Trouble, troubleOf } from './redis-faults.ts';
import { Mark } from './redis-mark.ts';
import { storeUnavailable } from './shared.ts';

/**
 * A connection to Redis with a circuit before it: what the server cannot do now is refused at once, and it is found
 * out apart from all requests when it can again.
 */
export interface RedisLink {
  /** Rejects with GatewayError 503 for all that the server cannot do now. */
  read<T>(command: (redis: RedisClient) => Promise<T>, operation?: StoreOperation): Promise<T>;
  /** The same for commands that need room. */
  write<T>(command: (redis: RedisClient) => Promise<T>, operation?: StoreOperation): Promise<T>;
  /** Whether reads are tried: as far as it is known, the server answers. */
  canRead(): boolean;
  /** What is wrong, for people to read. */
  problem(): string | undefined;
  /** The same with a name that programs go by. */
  trouble(): Trouble | undefined;
  /** Called when something works again: all of it, or reading. */
  onBack(listener: (back: Back) => void): void;
  /**
   * Until then the server was there, as far as it is known: now, or when the outage began that is under way. Those who
   * are told that it is back still read when it began. On the monotonic clock.
   */
  wellUntil(): number;
  close(): void;
}

/** What is known of a server that can be used again. */
export interface Back {
  /** It is the first time since the start. */
  isFirst: boolean;
  /** It could not be read. */
  wasOut: boolean;
  /**
   * Some of what this process wrote is not there: it comes up first, was started anew empty or with data of before, or
   * is another one that was behind.
   */
  hasForgotten: boolean;
}

/** Between two looks at a server that is out. */
const lookAgainMs = 250;
/** Between two looks at one that works: a demotion or a hang is seen before a request meets it. */
const lookMs = 5000;

export function createRedisLink(
  settings: RedisSettings & { keyPrefix: string },
  emit: Emit,
  clock: Clock,
): RedisLink {
  const client = connectRedis(settings, { limitsCommands: false });
  const circuit = new Circuit(client, settings, emit, clock);
  return {
    read: (command, operation) => circuit.ask(operation, circuit.out, command),
    write: (command, operation) => circuit.ask(operation, circuit.out ?? circuit.full, command),
    canRead: () => circuit.out === undefined,
    problem: () => circuit.out ?? circuit.full,
    trouble: () => circuit.trouble(),
    onBack: (listener) => void circuit.listeners.add(listener),
    wellUntil: () => circuit.wellUntil(),
    close: () => circuit.close(),
  };
}

class Circuit {
  /** Nothing works for this reason; and the same for writes alone. */
  out: string | undefined = 'Redis was not reached yet';
  full: string | undefined;
  readonly listeners = new Set<(back: Back) => void>();
  readonly #client: RedisClient;
  readonly #timeout: number;
  readonly #emit: Emit;
  readonly #clock: Clock;
  #named: string | undefined;
  #refused: string | undefined;
  #timer: Timer | undefined;
  #handshake: Pick<Timer, 'cancel'> | undefined;
  #isLooking = false;
  #isLeaving = false;
  #outSince: number | undefined;
  readonly #mark: Mark;
  #isClosed = false;

  constructor(
    client: RedisClient,
    { timeout, keyPrefix }: RedisSettings & { keyPrefix: string },
    emit: Emit,
    clock: Clock,
  ) {
    this.#client = client;
    this.#timeout = timeout;
    this.#mark = new Mark(client, keyPrefix);
    this.#outSince = clock.monotonic();
    this.#emit = emit;
    this.#clock = clock;
    client.on('connect', () => this.#limitHandshake());
    client.on('ready', () => {
      this.#handshake?.cancel();
      this.#isLeaving = false;
      this.#lookIn(0);
    });
    client.on('error', (error: unknown) => this.#met(error));
    client.on('close', () => {
      this.#handshake?.cancel();
      this.#met(new Error('the connection was closed'));
    });
  }

  async ask<T>(
    operation: StoreOperation = 'other',
    reason: string | undefined,
    command: (redis: RedisClient) => Promise<T>,
  ): Promise<T> {
    if (reason !== undefined) throw storeUnavailable(new Error(reason));
    const begunAt = this.#clock.monotonic();
    let outcome: 'ok' | 'failed' = 'ok';
    try {
      return await this.#inTime(command(this.#client));
    } catch (error) {
      outcome = 'failed';
      this.#met(error);
      throw storeUnavailable(error);
    } finally {
      const ms = this.#clock.monotonic() - begunAt;
      this.#emit({ kind: 'store-asked', operation, outcome, ms });
    }
  }

  trouble(): Trouble | undefined {
    if (this.out !== undefined) return troubleOf(this.#named, 'all');
    return this.full === undefined ? undefined : troubleOf(this.#named, 'writes');
  }

  wellUntil(): number {
    return this.#outSince ?? this.#clock.monotonic();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#handshake?.cancel();
    this.#client.disconnect();
  }

  /** What the client asks by itself, such as to sign in, before the connection is ready. */
  #limitHandshake(): void {
    this.#handshake?.cancel();
    this.#handshake = afterListening(this.#clock, this.#timeout, () => {
      const client = this.#client;
      if (client.status !== 'connect') return;
      this.#met(new RedisTimeout(this.#timeout));
      client.disconnect(true);
    });
  }

  #met(error: unknown): void {
    const fault = faultOf(error);
    if (this.#isClosed) return;
    if (fault.concerns === 'command') {
      if (this.#refused !== fault.reason) this.#emit({ kind: 'store-refused', reason: fault.reason });
      this.#refused = fault.reason;
      return;
    }
    this.#outSince ??= this.#clock.monotonic();
    if (fault.concerns === 'all') {
      const client = this.#client;
      this.out = 'Redis is not reachable';
      // The next connection may lead to another server, gets through where this one is stuck, and signs in anew.
      if (client.status === 'ready' && !this.#isLeaving) client.disconnect(true);
      this.#isLeaving = client.status === 'ready';
    } else {
      this.full = 'Redis takes no writes';
    }
    this.#name(fault);
    this.#lookIn(lookAgainMs);
  }

  /** Each fault is logged when it comes, not each time that it is met. */
  #name({ name: word, reason, concerns }: Fault): void {
    // That a connection was closed tells less than why it cannot be made again.
    if (this.#named === word || (this.#named !== undefined && word === 'connection')) return;
    this.#named = word;
    this.#emit({ kind: 'store-out', concerns: concerns === 'writes' ? 'writes' : 'all', reason });
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(ms, () => void this.#look()).unref();
  }

  /** One write shows everything: that somebody answers, who we are, that it is no replica, and that there is room. */
  async #look(): Promise<void> {
    const client = this.#client;
    if (this.#isLooking || this.#isLeaving || client.status !== 'ready') return;
    this.#isLooking = true;
    try {
      const isBack = this.out !== undefined || this.full !== undefined;
      if (isBack) await this.#inTime(this.#mark.look());
      await this.#inTime(this.#mark.write());
      if (isBack) this.#back(undefined);
    } catch (error) {
      const { concerns } = faultOf(error);
      this.#met(error);
      if (concerns !== 'all') this.#back(concerns === 'writes' ? this.full : undefined);
    } finally {
      this.#isLooking = false;
      this.#lookIn(this.out === undefined && this.full === undefined ? lookMs : lookAgainMs);
    }
  }

  #back(stillFull: string | undefined): void {
    const wasOut = this.out !== undefined;
    const isBetter = wasOut || (this.full !== undefined && stillFull === undefined);
    this.out = undefined;
    this.full = stillFull;
    if (!isBetter || this.#isClosed) return;
    const { isFirst } = this.#mark;
    const hasForgotten = stillFull === undefined && this.#mark.takeLoss();
    if (this.full === undefined) {
      this.#named = undefined;
      this.#emit({ kind: 'store-back' });
    }
    for (const listener of this.listeners) listener({ isFirst, wasOut, hasForgotten });
    if (this.full === undefined) this.#outSince = undefined;
  }

  /** Rejects when there is no reply in time. */
  #inTime<T>(reply: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const limit = afterListening(this.#clock, this.#timeout, () => reject(new RedisTimeout(this.#timeout)));
      reply.then(resolve, reject).finally(() => limit.cancel());
    });
  }
}
