import type { Revocation, Revocations } from '../revocations.ts';
import type { Taken } from './messages.ts';
import type { PrimaryCalls } from './primary-calls.ts';
import type { ClaimDesk, Shared } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

/** What a worker shares with the others, in their primary process. */
export function createWorkerShared(
  { call, onMessage }: PrimaryCalls,
  revocations: Revocations,
): Shared & ClaimDesk {
  const alone = createSingleFlight<string>();
  onMessage((message) => {
    if (message.kind === 'revoked') revocations.add(message.revocation);
  });

  const runOnce: Shared['once'] = async (key, work, unrepeatable) => {
    // What the gateway keeps, the next in line goes on with.
    const lost = unrepeatable?.heldBy === 'process' && {
      value: unrepeatable.lost,
      forMs: unrepeatable.forMs,
    };
    const taken = (await call({ kind: 'take', key, ...(lost && { lost }) })) as Taken;
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
    once: (key, work, unrepeatable) => alone(key, () => runOnce(key, work, unrepeatable)),
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
    // The primary tells them before this process can begin to accept connections.
    knowsSignOuts: () => true,
    problem: () => undefined,
    close: (withinMs = 0) => alone.ended(withinMs),
  };
}
