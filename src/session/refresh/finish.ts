import type { Clock } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { Session } from '../session.ts';
import type { PrimaryCalls } from '../shared/primary-calls.ts';
import type { Refresher } from './refresh.ts';

/** For as long as the primary keeps the answer. */
const finishAgainMs = 500;
const mostFinishes = 600;

export interface FinishNeeds {
  primary: PrimaryCalls;
  keep: Keep;
  clock: Clock;
}

/** Whoever takes the turns of workers that ended: of several plans the last. */
interface Finisher {
  refresher: Refresher;
  close(): void;
}

/** What a worker had begun when it ended; the primary has the answer, and this one tells everybody of it. */
export function finishForOthers(refresher: Refresher, { primary, keep, clock }: FinishNeeds): void {
  const open = (): Finisher => {
    const finisher: Finisher = { refresher, close: () => {} };
    const finish = (session: Session, triesLeft: number) => {
      // Nobody's request waits for it. The outcome leads on whoever comes with the tokens of before.
      finisher.refresher
        .refresh(session, async () => false)
        .catch(() => {
          // The store is out, or this process has only begun to reach it.
          if (triesLeft > 0) clock.after(finishAgainMs, () => finish(session, triesLeft - 1)).unref();
        });
    };
    finisher.close = primary.onMessage((message) => {
      if (message.kind === 'finish') finish(message.session, mostFinishes);
    });
    primary.join();
    return finisher;
  };
  keep('finisher', 'this process', open, (finisher) => finisher.close()).refresher = refresher;
}
