import { promiseOf } from '../clock.ts';

const stopping = 'the gateway is stopping';

/** That everything ends, once it does. */
export interface Stop {
  begun: Promise<void>;
  begin(): void;
  hasBegun(): boolean;
  /** For people to read. */
  problems(): string[];
  /** Throws when it has begun. */
  refuse(): void;
}

export function createStop(): Stop {
  let isStopping = false;
  const { promise: begun, resolve } = promiseOf();
  return {
    begun,
    begin() {
      isStopping = true;
      resolve();
    },
    hasBegun: () => isStopping,
    problems: () => (isStopping ? [stopping] : []),
    refuse() {
      if (isStopping) throw new Error(stopping);
    },
  };
}
