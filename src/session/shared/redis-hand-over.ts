import type { Clock } from '../../clock.ts';
import type { RedisLink } from './redis-link.ts';

/** A server that refused to be told is told again after this. */
const tellAgainMs = 500;

export interface HandOverNeeds {
  link: Pick<RedisLink, 'onBack' | 'problem'>;
  /** Writes what this process holds. Rejects when not all of it could be written. */
  passAll(): Promise<void>;
  clock: Clock;
}

/**
 * A server that comes up first, or has forgotten, is told what this process holds.
 * @returns resolves when it was told for the first time
 */
export function handOver({ link, passAll, clock }: HandOverNeeds): Promise<void> {
  let isOwed = false;
  let isPassing = false;
  return new Promise((resolve) => {
    const pass = async () => {
      // An outage ends with a call.
      if (!isOwed || isPassing || link.problem() !== undefined) return;
      isPassing = true;
      isOwed = false;
      try {
        await passAll();
        // What is written only when the server is back has not arrived.
        isOwed ||= link.problem() !== undefined;
      } catch {
        isOwed = true;
      }
      isPassing = false;
      if (isOwed) clock.after(tellAgainMs, () => void pass()).unref();
      else resolve();
    };
    link.onBack(({ hasForgotten }) => {
      isOwed ||= hasForgotten;
      void pass();
    });
  });
}
