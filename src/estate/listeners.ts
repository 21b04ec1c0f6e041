import type { Clock } from '../clock.ts';
import type { Keep } from '../holdings.ts';
import { type Listener, type ListenPlan, openListener } from '../listen/listener.ts';
import { overlaps } from '../listen/overlap.ts';
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
   * Listens where a plan says and nobody did before; gives what puts the plan in force, with its certificates and
   * time-outs. Rejects when an address cannot be listened on; what was open before stays as it is.
   */
  prepare(plans: readonly ListenPlan[], keep: Keep): Promise<() => void>;
  /** The addresses of the plan in force. */
  listening(): readonly Pick<Listener, 'url' | 'name'>[];
  /** From now on, answers end their connections; listeners that are still to come do the same. */
  drain(): void;
  /** Stops accepting everywhere, lets requests and sockets end within what is left, in milliseconds, then closes. */
  close(left: () => number): Promise<void>;
}

/** An address, which may have to wait until another one has left its port. */
interface Place {
  plan: ListenPlan;
  listener: Listener | undefined;
  start(): Promise<Listener>;
  close(left?: () => number): Promise<void>;
}

export function openListeners(needs: ListenerNeeds): Listeners {
  const places = new Map<string, Place>();
  let inForce: readonly Place[] = [];
  let isDraining = false;

  const takePlace = (plan: ListenPlan, keep: Keep): Place =>
    keep(
      'listener',
      plan.key,
      () => {
        const place = createPlace(plan, needs, (listener) => isDraining && listener.drain());
        places.set(plan.key, place);
        return place;
      },
      (place) => {
        if (places.get(plan.key) === place) places.delete(plan.key);
        return place.close();
      },
    );

  return {
    async prepare(plans, keep) {
      const next = plans.map((plan) => ({ plan, place: takePlace(plan, keep) }));
      const going = inForce.filter((place) => !next.some((one) => one.place === place));
      const isTaken = ({ plan }: { plan: ListenPlan }) =>
        going.some((place) => overlaps(place.plan.address, plan.address));
      for (const one of next) if (!isTaken(one)) await one.place.start();
      return () => {
        // Its port is needed by another one, which speaks TLS where it did not, or listens on more addresses.
        for (const place of going)
          if (next.some(({ plan }) => overlaps(place.plan.address, plan.address)))
            place.listener?.leaveAddress();
        for (const { plan, place } of next) {
          place.plan = plan;
          if (place.listener) place.listener.apply(plan);
          else
            place
              .start()
              .catch((error: unknown) => needs.emit({ kind: 'listener-failed', listen: plan.name, error }));
        }
        inForce = next.map(({ place }) => place);
      };
    },
    listening: () => inForce.flatMap(({ listener }) => listener ?? []),
    drain() {
      isDraining = true;
      for (const place of places.values()) place.listener?.drain();
    },
    async close(left) {
      await Promise.all([...places.values()].map((place) => place.close(left)));
    },
  };
}

function createPlace(
  plan: ListenPlan,
  { emit, clock, watch, entryOf }: ListenerNeeds,
  opened: (listener: Listener) => void,
): Place {
  let opening: Promise<Listener> | undefined;
  const open = async (): Promise<Listener> => {
    const app = await openHttp({ emit, clock, entryOf }, place.plan);
    takeUpgrades(app.server, clock, openUpgrades({ emit, clock, entryOf }));
    return openListener(app, place.plan, { emit, clock, watch });
  };
  const place: Place = {
    plan,
    listener: undefined,
    async start() {
      opening ??= open();
      const listener = await opening;
      place.listener = listener;
      opened(listener);
      return listener;
    },
    async close(left) {
      await (await opening?.catch(() => undefined))?.close(left);
    },
  };
  return place;
}
