import { randomBytes } from 'node:crypto';
import type { RedisClient } from './redis-client.ts';

/** After an outage that was longer, everything is written again. */
const markTtlMs = 24 * 3_600_000;

/**
 * What shows whether a server still has all that this process wrote: a count that goes up at each look. A server keeps
 * what it is told in order, so that one with the last count has everything from before it.
 */
export class Mark {
  /** Nothing was written yet. */
  isFirst = true;
  readonly #client: RedisClient;
  readonly #key: string;
  #sent = 0;
  #answered = 0;
  #isLost = true;

  constructor(client: RedisClient, keyPrefix: string) {
    this.#client = client;
    this.#key = `${keyPrefix}mark:${randomBytes(9).toString('base64url')}`;
  }

  async look(): Promise<void> {
    // One that was sent and not answered may be there as well.
    if (Number(await this.#client.get(this.#key)) < this.#answered) this.#isLost = true;
  }

  async write(): Promise<void> {
    this.#sent += 1;
    const count = this.#sent;
    await this.#client.set(this.#key, count, 'PX', markTtlMs);
    this.#answered = count;
  }

  /** Whether something was lost since this was asked last. */
  takeLoss(): boolean {
    const isLost = this.#isLost;
    this.#isLost = false;
    this.isFirst = false;
    return isLost;
  }
}
