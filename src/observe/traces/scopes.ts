import { AsyncLocalStorage } from 'node:async_hooks';

/** Which span is at work, for what is done further down. */
export interface Scopes<S> {
  /** The innermost one; undefined where there is none, or none any more. */
  current(): S | undefined;
  /**
   * Does work within a scope.
   * @param ended called when it is done, with what it threw
   */
  run<T>(scope: S, work: () => T, ended: (error?: unknown) => void): T;
}

/**
 * Node.js before 24 follows every promise of the process from the moment that somebody asks for a store of this kind, which
 * costs each request. So it is turned off whenever no scope is open: a request whose session is known is decided
 * without a promise, and has closed its scope when the next one comes.
 */
export function createScopes<S extends { isOpen: boolean }>(): Scopes<S> {
  const storage = new AsyncLocalStorage<S>();
  let open = 0;
  return {
    current() {
      if (open === 0) return undefined;
      const scope = storage.getStore();
      // A timer or a connection that was made within a scope may live on.
      return scope?.isOpen ? scope : undefined;
    },
    run(scope, work, ended) {
      open += 1;
      const close = (error?: unknown) => {
        open -= 1;
        if (open === 0) storage.disable();
        ended(error);
      };
      let result: ReturnType<typeof work>;
      try {
        result = storage.run(scope, work);
      } catch (error) {
        close(error);
        throw error;
      }
      if (result instanceof Promise) result.then(() => close(), close);
      else close();
      return result;
    },
  };
}
