import type { Clock } from '../clock.ts';
import type { Keep } from '../holdings.ts';
import { type Listener, type ListenPlan, openListener } from '../listen/listener.ts';
import type { SilenceWatch } from '../listen/silence.ts';
import { takeUpgrades } from '../listen/upgrades.ts';
import type { Emit } from '../observe/events.ts';
import type { EntryOf } from '../request/transports/entry.ts';
import { openHttp } from '../request/transports/http.ts';
import { openUpgrades } from '../request/transports/upgrade.ts';

export interface ListenerNeeds {
  emit: Emit;
  clock: Clock;
  watch: Pick<SilenceWatch, 'add'>;
  /** What is known of a request that has come in, the pipeline that decides on it included. */
  entryOf: EntryOf;
}

/** The addresses on which requests are taken. */
export interface Listeners {
  /**
   * Listens where a plan says, with its certificate and its time-outs. Rejects when the address cannot be listened
   * on; what was open before stays as it is.
   */
  adopt(plan: ListenPlan, keep: Keep): Promise<void>;
  /** The address that was opened last. */
  listening(): Pick<Listener, 'url' | 'name'> | undefined;
  /** From now on, answers end their connections; listeners that are still to come do the same. */
  drain(): void;
  /** Stops accepting everywhere, lets requests and sockets end within what is left, in milliseconds, then closes. */
  close(left: () => number): Promise<void>;
}

export function openListeners(needs: ListenerNeeds): Listeners {
  const open = new Map<string, Promise<Listener>>();
  let last: Listener | undefined;
  let isDraining = false;

  const start = async (plan: ListenPlan): Promise<Listener> => {
    const { emit, clock, watch } = needs;
    const app = await openHttp(needs, plan);
    takeUpgrades(app.server, clock, openUpgrades(needs));
    const listener = await openListener(app, plan, { emit, clock, watch });
    if (isDraining) listener.drain();
    return listener;
  };
  const opened = (key: string) => open.get(key)?.catch(() => undefined);
  const stop = async (key: string, left?: () => number) => {
    const opening = opened(key);
    open.delete(key);
    await (await opening)?.close(left);
  };
  const refuseOtherKind = ({ address, key }: ListenPlan) => {
    for (const other of open.keys()) {
      const isSame = JSON.stringify((JSON.parse(other) as unknown[])[0]) === JSON.stringify(address);
      if (isSame && other !== key)
        throw new Error(
          'an address that is open cannot begin or end to speak TLS, or to ask for certificates: start anew',
        );
    }
  };

  return {
    async adopt(plan, keep) {
      refuseOtherKind(plan);
      const opening = keep(
        'listener',
        plan.key,
        () => {
          const started = start(plan);
          open.set(plan.key, started);
          return started;
        },
        () => stop(plan.key),
      );
      last = await opening;
      last.apply(plan);
    },
    listening: () => last,
    drain() {
      isDraining = true;
      for (const key of open.keys()) void opened(key)?.then((listener) => listener?.drain());
    },
    async close(left) {
      await Promise.all([...open.keys()].map((key) => stop(key, left)));
    },
  };
}
