/**
 * Keeps a thing for as long as somebody needs it: gives the one that is there under this kind and key, or opens it.
 * Things of one kind are of one type.
 * @param kind such as `target`; each kind has one place in the code that keeps it
 * @param key what the thing is by nature, such as an address with its TLS settings; never which object asked
 * @param close called when the last lease that took it was released
 */
export type Keep = <T>(
  kind: string,
  key: string,
  open: () => T,
  close?: (thing: T) => void | Promise<void>,
) => T;

/** What one plan needs of the things that outlive it. */
export interface Lease {
  keep: Keep;
  /** Calls back at the release, in its turn among what is closed then: for what is of this plan alone. */
  defer(undo: () => void): void;
  /**
   * Gives everything back. What no other lease has taken is closed, one after another, what was taken last first: it
   * may need what was taken before. Rejects with the first error of a close, after all of them have ended.
   */
  release(): Promise<void>;
}

/** Things that are counted by the leases that have taken them. */
export interface Holdings {
  lease(): Lease;
  /** How many things of a kind are open, for tests and the status of the gateway. */
  count(kind: string): number;
}

interface Thing {
  value: unknown;
  leases: number;
  close: ((thing: never) => void | Promise<void>) | undefined;
}

export function createHoldings(): Holdings {
  const kinds = new Map<string, Map<string, Thing>>();

  const forget = (kind: string, key: string) => {
    const things = kinds.get(kind);
    things?.delete(key);
    if (things?.size === 0) kinds.delete(kind);
  };

  return {
    count: (kind) => kinds.get(kind)?.size ?? 0,
    lease() {
      const taken = new Map<Thing, { kind: string; key: string }>();
      let deferred = 0;
      return {
        defer(undo) {
          const thing = { value: undefined, leases: 1, close: undo };
          taken.set(thing, { kind: 'deferred', key: String(deferred++) });
        },
        keep(kind, key, open, whenUnused) {
          let thing = kinds.get(kind)?.get(key);
          if (!thing) {
            thing = { value: open(), leases: 0, close: whenUnused };
            // Opened first: what opens may keep things of the same kind.
            const things = kinds.get(kind) ?? new Map<string, Thing>();
            kinds.set(kind, things.set(key, thing));
          }
          if (!taken.has(thing)) {
            taken.set(thing, { kind, key });
            thing.leases += 1;
          }
          return thing.value as ReturnType<typeof open>;
        },
        async release() {
          const all = [...taken].reverse();
          taken.clear();
          // Given back at once, so that whoever opens one of them now opens it anew.
          const unused = all.filter(([thing, { kind, key }]) => {
            thing.leases -= 1;
            if (thing.leases === 0 && kinds.get(kind)?.get(key) === thing) forget(kind, key);
            return thing.leases === 0;
          });
          const errors: unknown[] = [];
          for (const [{ close, value }] of unused) {
            try {
              await close?.(value as never);
            } catch (error) {
              errors.push(error);
            }
          }
          if (errors.length > 0) throw errors[0];
        },
      };
    },
  };
}
