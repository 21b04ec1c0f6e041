/** The requests that one plan decides, as far as they are under way. */
export interface OpenRequests {
  /** A request begins; gives what has to be called when it has ended. To call that again does nothing. */
  enter(): () => void;
  /** How many are under way. */
  count(): number;
  /** Resolves when no request is under way. */
  ended(): Promise<void>;
}

/** Those of all plans together. */
export interface InFlight {
  requests: number;
}

export function countRequests(inFlight: InFlight): OpenRequests {
  let open = 0;
  let waiting: (() => void)[] = [];
  const leave = () => {
    open -= 1;
    inFlight.requests -= 1;
    if (open > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  return {
    enter() {
      open += 1;
      inFlight.requests += 1;
      let isOpen = true;
      return () => {
        if (isOpen) leave();
        isOpen = false;
      };
    },
    count: () => open,
    ended: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
