import type { Revocation } from '../revocations.ts';
import type { Held } from './held.ts';
import type { PrimaryCalls } from './primary-calls.ts';

/** The other workers of this instance, for what Redis cannot tell them now. */
export interface Siblings {
  /** Tells all of them of a sign-out. Never rejects. */
  revoked(revocation: Revocation): Promise<void>;
  close(): void;
}

/**
 * Each worker has a line to Redis of its own, and an instance counts as one: while Redis is out, its workers tell each
 * other by way of their primary process. Each of them writes it down when Redis is back, whatever becomes of the one
 * that was asked.
 */
export function createSiblings({ call, onMessage }: PrimaryCalls, held: Held): Siblings {
  const { revocations } = held;
  const places = held.join({
    revoked: () => {},
    begun: () => {},
    posted: () => {},
    released: () => {},
    claimed: () => {},
  });
  const off = onMessage((message) => {
    if (message.kind !== 'revoked') return;
    const { revocation } = message;
    if (revocations.has([revocation.key], revocation.before)) return;
    revocations.add(revocation);
    places.tell((place) => place.revoked(revocation));
  });
  return {
    // A primary that is gone takes this process with it.
    revoked: (revocation) =>
      call({ kind: 'publish', revocation }).then(
        () => {},
        () => {},
      ),
    close() {
      places.leave();
      off();
    },
  };
}
