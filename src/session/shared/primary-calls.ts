import type { Clock, Timer } from '../../clock.ts';
import { writeJson } from '../form/json.ts';
import type { Grant, RefreshOutcome } from '../outcome.ts';
import type { CallMessage, PrimaryMessage } from './messages.ts';
import { storeUnavailable } from './shared.ts';

/** Longer than any refresh: the primary answers when the provider has. */
const callTimeoutMs = 90_000;

interface Waiting {
  resolve(value: unknown): void;
  failed(error: unknown): void;
  timer: Timer;
}

/** A worker's line to its primary process. */
export interface PrimaryCalls {
  /** Rejects with GatewayError 503 when there is no answer. */
  call(request: CallMessage['request']): Promise<unknown>;
  /** Calls back for what the primary says unasked; returns what takes the callback off. */
  onMessage(listener: (message: PrimaryMessage) => void): () => void;
  /** From here on the primary says what it has to say; to be called when everybody listens. */
  join(): void;
  close(): void;
}

/** Node's side of the channel: this process, where it is a worker. */
type Channel = Pick<NodeJS.Process, 'on' | 'off' | 'send'>;

export function callPrimary(clock: Clock, channel: Channel = process): PrimaryCalls {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(message: PrimaryMessage) => void>();
  let lastCall = 0;

  const received = (message: PrimaryMessage) => {
    if (message.kind !== 'reply') {
      for (const listener of listeners) listener(message);
      return;
    }
    const call = waiting.get(message.call);
    if (!call) return;
    if (message.failure !== undefined) return call.failed(new Error(message.failure));
    waiting.delete(message.call);
    call.timer.cancel();
    call.resolve(message.value);
  };
  channel.on('message', received);

  const call: PrimaryCalls['call'] = (request) =>
    new Promise((resolve, reject) => {
      const number = ++lastCall;
      const failed = (error: unknown) => {
        waiting.delete(number);
        timer.cancel();
        reject(storeUnavailable(error));
      };
      const timer = clock
        .after(callTimeoutMs, () => failed(new Error('the primary process did not answer')))
        .unref();
      waiting.set(number, { resolve, failed, timer });
      const message: CallMessage = { kind: 'call', call: number, request };
      channel.send?.(message, undefined, {}, (error) => {
        if (error) failed(error);
      });
    });

  return {
    call,
    // Only who listens is told: Node drops what reaches a worker sooner. The answer is here before the worker can
    // begin to accept connections, for which it asks its primary too.
    join: () => void call({ kind: 'join' }).catch(() => {}),
    onMessage(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => void channel.off('message', received),
  };
}

/**
 * Asks the providers through the primary, which keeps the answer should this worker end before it is told.
 * @param carried the `traceparent` of what asks
 */
export function grantOfPrimary({ call }: PrimaryCalls, carried: () => string | undefined): Grant {
  return async (session, renewal) => {
    try {
      const told = writeJson(session, 2);
      const text = await call({ kind: 'grant', session: told, renewal, traceparent: carried() });
      return JSON.parse(text as string) as RefreshOutcome;
    } catch {
      return { kind: 'unavailable', retryAfter: 1 };
    }
  };
}
