import type { Clock } from '../clock.ts';
import type { Keep } from '../holdings.ts';
import { createLimitReports } from '../limits/limit-reports.ts';
import { type ConnectionLimits, createConnectionLimits } from '../listen/connection-limits.ts';
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

/** Addresses that are listened on for a plan that is not in force. One of the two has to be called. */
export interface PreparedListeners {
  /** Resolves when each is listened on, or could not be, which is said. */
  commit(): Promise<void>;
  abort(): void;
}

/** The addresses on which requests are taken. */
export interface Listeners {
  /**
   * Listens where a plan says and nobody did before. The certificates and time-outs of the plan come into force with it.
   * Rejects when an address cannot be listened on; what was open before stays as it is.
   */
  prepare(plans: readonly ListenPlan[], keep: Keep): Promise<PreparedListeners>;
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
  /** Does nothing where it has begun. */
  start(): Promise<Listener>;
  /** Takes no more connections, until it is started again; resolves when another one can have the address. */
  leave(): Promise<void>;
  close(left?: () => number): Promise<void>;
}

export function openListeners(given: ListenerNeeds): Listeners {
  const needs = { ...given, limits: limitConnections(given) };
  let inForce: readonly Place[] = [];
  let isDraining = false;
  const startLate = (place: Place) => startWhere(() => inForce.includes(place), place, needs.emit);

  const places = createPlaces(needs, (listener) => isDraining && listener.drain());

  return {
    async prepare(plans, keep) {
      const next = plans.map((plan) => ({ plan, place: places.take(plan, keep) }));
      const going = inForce.filter((place) => !next.some((one) => one.place === place));
      // A plan that is at its end may still hold the place, so that it would not be given back with this one.
      const abort = () => {
        for (const { place } of next) if (!inForce.includes(place)) void place.leave();
      };
      try {
        for (const { plan, place } of next) if (!isHeld(plan, going)) await place.start();
      } catch (error) {
        abort();
        throw error;
      }
      const commit = async () => {
        // Another one may need its port, which speaks TLS where it did not, or listens on more addresses.
        const left = Promise.all(going.map((place) => place.leave()));
        const late = next.filter(({ place }) => !place.listener);
        for (const { plan, place } of next) {
          needs.limits.apply(plan.connections);
          place.plan = plan;
          place.listener?.apply(plan);
        }
        inForce = next.map(({ place }) => place);
        if (late.length === 0) return;
        await left;
        await Promise.all(late.map(({ place }) => startLate(place)));
      };
      return { commit, abort };
    },
    listening: () => inForce.flatMap(({ listener }) => listener ?? []),
    drain() {
      isDraining = true;
      for (const place of places.all()) place.listener?.drain();
    },
    async close(left) {
      await Promise.all(places.all().map((place) => place.close(left)));
    },
  };
}

type PlaceNeeds = ListenerNeeds & { limits: ConnectionLimits };

/** @param opened called with each listener when it listens */
function createPlaces(needs: PlaceNeeds, opened: (listener: Listener) => void) {
  const places = new Map<string, Place>();
  return {
    take: (plan: ListenPlan, keep: Keep): Place =>
      keep(
        'listener',
        plan.key,
        () => {
          const place = createPlace(plan, needs, opened);
          places.set(plan.key, place);
          return place;
        },
        (place) => {
          if (places.get(plan.key) === place) places.delete(plan.key);
          return place.close();
        },
      ),
    all: () => [...places.values()],
  };
}

/** Whether some places have the port of a plan, or a part of its addresses. */
const isHeld = ({ address }: ListenPlan, places: readonly Place[]): boolean =>
  places.some((place) => overlaps(place.plan.address, address));

function limitConnections({ emit, clock }: ListenerNeeds): ConnectionLimits {
  const reports = createLimitReports(
    (limit, client, refused) => emit({ kind: 'connections-limited', limit, client, refused }),
    clock,
  );
  return createConnectionLimits(reports);
}

/** By the time a place can have its port, another plan may be in force that has other ones. */
async function startWhere(isNeeded: () => boolean, place: Place, emit: Emit): Promise<void> {
  try {
    if (isNeeded()) await place.start();
  } catch (error) {
    emit({ kind: 'listener-failed', listen: place.plan.name, error });
  }
}

function createPlace(
  plan: ListenPlan,
  { emit, clock, watch, entryOf, limits }: PlaceNeeds,
  opened: (listener: Listener) => void,
): Place {
  let opening: Promise<Listener> | undefined;
  /** What was left and may still have connections. */
  const former = new Set<Listener>();
  const open = async (): Promise<Listener> => {
    const app = await openHttp({ emit, clock, entryOf }, place.plan);
    limits.guard(app.server);
    takeUpgrades(app.server, clock, openUpgrades({ emit, clock, entryOf }));
    return openListener(app, place.plan, { emit, clock, watch });
  };
  const place: Place = {
    plan,
    listener: undefined,
    async start() {
      opening ??= open();
      const mine = opening;
      const listener = await mine.catch((error: unknown) => {
        if (opening === mine) opening = undefined;
        throw error;
      });
      place.listener = listener;
      opened(listener);
      return listener;
    },
    async leave() {
      const leaving = opening;
      opening = undefined;
      place.listener = undefined;
      const listener = await leaving?.catch(() => undefined);
      if (!listener) return;
      former.add(listener);
      await listener.leave();
    },
    async close(left) {
      const last = await opening?.catch(() => undefined);
      const all = [...former, ...(last ? [last] : [])];
      former.clear();
      await Promise.all(all.map((listener) => listener.close(left)));
    },
  };
  return place;
}
