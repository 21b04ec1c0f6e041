import type { Revocation, Revocations } from '../revocations.ts';
import { createEndListeners } from './listeners.ts';
import type { PrimaryCalls } from './primary-calls.ts';
import type { Place, Taken } from './shared.ts';

/** What a worker shares with the others, in their primary process. */
export function createWorkerPlace({ call, onMessage }: PrimaryCalls, revocations: Revocations): Place {
  const listeners = createEndListeners();
  const off = onMessage((message) => {
    if (message.kind === 'revoked') revocations.add(message.revocation);
    if (message.kind === 'ended') listeners.tell(message.key, message.value);
  });
  /** A primary that is gone takes this process with it. */
  const tell = async (request: Parameters<typeof call>[0]) => void (await call(request).catch(() => {}));

  return {
    turns: {
      renewEveryMs: undefined,
      take: async (key, unrepeatable) =>
        (await call({ kind: 'take', key, ...(unrepeatable && { unrepeatable }) })) as Taken,
      renew: async () => {},
      post: (key, posted, holder) =>
        tell({ kind: 'post', key, posted, ...(holder !== undefined && { holder }) }),
      release: (key, holder) => tell({ kind: 'release', key, holder }),
      onEnd: listeners.on,
    },
    claims: { claim: async (name, forMs) => (await call({ kind: 'claim', name, forMs })) as boolean },
    sessions: {
      get: async (id) => (await call({ kind: 'get', id })) as string | undefined,
      set: async (id, value, ttlSeconds) => {
        await call({ kind: 'set', id, value, ttlSeconds });
      },
      delete: async (id) => {
        await call({ kind: 'delete', id });
      },
    },
    bus: {
      async publish(revocation: Revocation) {
        await call({ kind: 'publish', revocation });
      },
      // The primary tells them before this process can begin to accept connections.
      knowsSignOuts: () => true,
    },
    problem: () => undefined,
    flush: async () => {},
    close: off,
  };
}
