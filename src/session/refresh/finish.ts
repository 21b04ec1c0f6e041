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

/** Takes the turns of workers that ended, of several plans for the one in force. */
export interface Finisher {
  goOnWith(refresher: Refresher): void;
}

/**
 * What a worker had begun when it ended; the primary has the answer, and this one tells everybody of it.
 * @param first is gone on with until another one is named
 */
export function finishForOthers(first: Refresher, { primary, keep, clock }: FinishNeeds): Finisher {
  const open = (): Finisher & { close(): void } => {
    let refresher = first;
    const finish = (session: Session, triesLeft: number) => {
      // Nobody's request waits for it. The outcome leads on whoever comes with the tokens of before.
      refresher
        .refresh(session, async () => false)
        .catch(() => {
          // The store is out, or this process has only begun to reach it.
          if (triesLeft > 0) clock.after(finishAgainMs, () => finish(session, triesLeft - 1)).unref();
        });
    };
    const close = primary.onMessage((message) => {
      if (message.kind === 'finish') finish(JSON.parse(message.session) as Session, mostFinishes);
    });
    primary.join();
    return {
      goOnWith(next) {
        refresher = next;
      },
      close,
    };
  };
  return keep('finisher', 'this process', open, (finisher) => finisher.close());
}
