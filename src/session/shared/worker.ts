import { claimsThrough, type Follower, type Held, inBatches } from './held.ts';
import { createEndListeners } from './listeners.ts';
import type { CallMessage, HeldByPrimary } from './messages.ts';
import type { PrimaryCalls } from './primary-calls.ts';
import type { Listings, Place, Taken } from './shared.ts';

/** What a worker shares with the others, in their primary process. */
export function createWorkerPlace({ call, onMessage }: PrimaryCalls, held: Held): Place {
  const { revocations, board } = held;
  const listeners = createEndListeners();
  const off = onMessage((message) => {
    if (message.kind === 'revoked') revocations.add(message.revocation);
    if (message.kind === 'ended') listeners.tell(message.key, message.value);
  });
  /** A primary that is gone takes this process with it. */
  const tell: Tell = async (request) => void (await call(request).catch(() => {}));
  const others = held.join(followerOf(tell));
  let isTold = false;
  const telling = tellAll(held, tell).then(() => {
    isTold = true;
  });

  return {
    turns: {
      renewEveryMs: undefined,
      async take(key, unrepeatable) {
        // Later the primary knows better: another worker may have settled it.
        const value = isTold ? undefined : board.read(key);
        if (value !== undefined) return { kind: 'done', value };
        return (await call({ kind: 'take', key, ...(unrepeatable && { unrepeatable }) })) as Taken;
      },
      renew: async () => {},
      async post(key, posted, holder) {
        board.post(key, posted);
        others.tell((other) => other.posted(key, posted));
        await tell({ kind: 'post', key, posted, ...(holder !== undefined && { holder }) });
      },
      release: (key, holder) => tell({ kind: 'release', key, holder }),
      onEnd: listeners.on,
    },
    claims: claimsThrough(
      held,
      others,
      async (name, forMs) => (await call({ kind: 'claim', name, forMs })) as boolean,
    ),
    counts: { add: async (counts) => (await call({ kind: 'count', counts })) as number[] },
    ...tableOfPrimary(call),
    bus: {
      async publish(revocation) {
        revocations.add(revocation);
        others.tell((other) => other.revoked(revocation));
        await call({ kind: 'publish', revocation });
      },
      // The primary tells them before this process can begin to accept connections.
      knowsSignOuts: () => true,
    },
    ready: telling,
    problem: () => undefined,
    flush: async () => {},
    async close() {
      others.leave();
      off();
    },
  };
}

type Tell = (request: CallMessage['request']) => Promise<void>;

const followerOf = (tell: Tell): Follower => ({
  revoked: (revocation) => void tell({ kind: 'publish', revocation }),
  // Whatever worker asks for it, the primary sends a refresh token once.
  begun: () => {},
  released: () => {},
  posted: (key, posted) => void tell({ kind: 'post', key, posted }),
  claimed: (name, forMs) => void tell({ kind: 'claim', name, forMs }),
});

/** Tells the primary what this process holds. */
async function tellAll({ revocations, board, claims }: Held, tell: Tell): Promise<void> {
  await inBatches(revocations.all(), (revocation) => tell({ kind: 'publish', revocation }));
  await inBatches(board.all(), ([key, posted]) => tell({ kind: 'post', key, posted, isAgain: true }));
  await inBatches(claims.all(), ([name, forMs]) => tell({ kind: 'claim', name, forMs }));
}

function tableOfPrimary(call: PrimaryCalls['call']): Pick<Place, 'sessions' | 'listings'> {
  return {
    sessions: {
      get: async (id) => (await call({ kind: 'get', id })) as string | undefined,
      set: async (id, value, ttlSeconds) => {
        await call({ kind: 'set', id, value, ttlSeconds });
      },
      replace: async (id, was, value, ttlSeconds) =>
        (await call({ kind: 'replace', id, was, value, ttlSeconds })) as boolean,
      delete: async (id) => {
        await call({ kind: 'delete', id });
      },
    },
    listings: {
      put: async (listing, change) => {
        await call({ kind: 'put-listing', listing, change });
      },
      under: async (under) =>
        (await call({ kind: 'listings', under })) as Awaited<ReturnType<Listings['under']>>,
      get: async (name) => (await call({ kind: 'listing', name })) as string | undefined,
      remove: async (listing) => {
        await call({ kind: 'remove-listing', listing });
      },
    },
  };
}

/** Has this process hold what the other workers have done, for a place that takes the part of the primary. */
export async function holdOfPrimary({ call }: PrimaryCalls, { board, claims }: Held): Promise<void> {
  const { posted, claims: taken } = (await call({ kind: 'held' })) as HeldByPrimary;
  for (const [key, value] of posted)
    if ((board.read(key) ?? board.recall(key)) === undefined) board.post(key, value);
  for (const [name, forMs] of taken) claims.take(name, forMs);
}
