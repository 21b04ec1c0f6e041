import type { Revocation, Revocations } from '../revocations.ts';
import type { CallMessage, PrimaryMessage, Taken } from './messages.ts';
import { type ClaimDesk, type Shared, storeUnavailable } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

/** Longer than any refresh: the primary answers when another worker has finished. */
const callTimeoutMs = 90_000;

type Work = Parameters<Shared['once']>[1];

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/** What a worker shares with the others, in their primary process. */
export function createWorkerShared(revocations: Revocations): Shared & ClaimDesk {
  const waiting = new Map<number, Waiting>();
  const alone = createSingleFlight<string>();
  let lastCall = 0;

  const onMessage = (message: PrimaryMessage) => {
    if (message.kind === 'revoked') revocations.add(message.revocation);
    if (message.kind !== 'reply') return;
    const call = waiting.get(message.call);
    if (!call) return;
    waiting.delete(message.call);
    clearTimeout(call.timer);
    call.resolve(message.value);
  };
  process.on('message', onMessage);

  const call = (request: CallMessage['request']): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const number = ++lastCall;
      const timer = setTimeout(() => {
        waiting.delete(number);
        reject(storeUnavailable(new Error('the primary process did not answer')));
      }, callTimeoutMs);
      timer.unref();
      waiting.set(number, { resolve, reject, timer });
      const message: CallMessage = { kind: 'call', call: number, request };
      process.send?.(message, undefined, {}, (error) => {
        if (!error) return;
        waiting.delete(number);
        clearTimeout(timer);
        reject(storeUnavailable(error));
      });
    });

  // Only who listens is told: Node drops what reaches a worker sooner. The answer is here before the worker can
  // begin to accept connections, for which it asks its primary too.
  call({ kind: 'join' }).catch(() => {});

  const runOnce = async (key: string, work: Work): Promise<string> => {
    const taken = (await call({ kind: 'take', key })) as Taken;
    if ('value' in taken) return taken.value;
    try {
      const posted = await work(taken.previous);
      await call({ kind: 'post', key, posted });
      return posted.value;
    } catch (error) {
      await call({ kind: 'release', key });
      throw error;
    }
  };

  return {
    once: (key, work) => alone(key, () => runOnce(key, work)),
    settle(key, posted) {
      call({ kind: 'settle', key, posted }).catch(() => {});
    },
    claim: async (name, forMs) => (await call({ kind: 'claim', name, forMs })) as boolean,
    sessions: {
      get: async (id) => (await call({ kind: 'get', id })) as string | undefined,
      set: async (id, value, ttlSeconds) => {
        await call({ kind: 'set', id, value, ttlSeconds });
      },
      delete: async (id) => {
        await call({ kind: 'delete', id });
      },
    },
    async publish(revocation: Revocation) {
      await call({ kind: 'publish', revocation });
    },
    problem: () => undefined,
    async close() {
      process.off('message', onMessage);
    },
  };
}
