import { promiseOf } from '../clock.ts';

export const starting = 'the gateway is starting';
export const notAnswering = 'its processes do not answer';
export const stopping = 'the gateway is stopping';
const draining = 'the gateway is draining';

/** What closing gets where somebody waits for it: calls to a provider may hang. */
export const longestReleaseMs = 1000;

/** That everything ends, once it does, or is to be done by others. */
export interface Stop {
  begun: Promise<void>;
  begin(): void;
  hasBegun(): boolean;
  /** Others are to take over from now on; gives whether that is new. */
  drain(): boolean;
  /** For people to read. */
  problems(): string[];
  /** Throws when it has begun. */
  refuse(): void;
}

export function createStop(): Stop {
  let isStopping = false;
  let isDraining = false;
  const { promise: begun, resolve } = promiseOf();
  return {
    begun,
    begin() {
      isStopping = true;
      resolve();
    },
    hasBegun: () => isStopping,
    drain() {
      const isNew = !isDraining && !isStopping;
      isDraining = true;
      return isNew;
    },
    problems: () => (isStopping ? [stopping] : isDraining ? [draining] : []),
    refuse() {
      if (isStopping) throw new Error(stopping);
    },
  };
}
