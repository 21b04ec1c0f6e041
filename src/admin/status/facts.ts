import type { Config, RouteConfig } from '../../config/schema/index.ts';
import type { Degraded, Health } from '../../estate/health.ts';
import { type FiguresRead, figuresTogether } from '../../observe/figures/figures.ts';
import type { SlotRead } from '../../observe/figures/slots.ts';
import type { Reading } from '../../observe/metrics/meters.ts';
import type { Expiry } from '../../plan/certificates.ts';
import { routeLabel } from '../../routes/table.ts';
import { configHash } from './config-hash.ts';

/** What one process says for the status page. */
export interface ProcessStatus {
  figures: FiguresRead;
  /** What is open, and how its targets stand. */
  readings: Reading[];
}

/** How the whole gateway stands, as the status page shows it. */
export interface Status {
  /** Milliseconds since the epoch. */
  at: number;
  configHash: string;
  /** How many processes have answered, and how many there should be. */
  processes: { answering: number; wanted: number };
  publicUrl: readonly string[];
  health: Health;
  /** What is open, by its kind. */
  open: Readonly<Record<string, number>>;
  routes: readonly RouteStatus[];
  providers: readonly PartStatus[];
  store: PartStatus & { kind: 'cookie' | 'memory' | 'redis' };
  certificates: readonly Expiry[];
  figures: FiguresRead;
}

/** A provider or an issuer, by its name in the configuration, or the store. */
export interface PartStatus {
  name: string;
  troubles: readonly Degraded[];
}

export interface RouteStatus {
  /** Its place in the configuration, from 1. */
  number: number;
  /** Host and path. */
  label: string;
  methods: readonly string[] | undefined;
  access: 'public' | 'signed-in' | 'rules';
  isInMaintenance: boolean;
  targets: readonly TargetStatus[];
  /** Requests of each minute, and those of them that failed. */
  slots: readonly SlotRead[];
}

export interface TargetStatus {
  /** Its address. */
  name: string;
  isUp: boolean;
  /** Since when and why requests leave it out, where that is known. */
  out: { since: number; reason: string } | undefined;
}

export interface StatusParts {
  config: Config;
  health: Health;
  processes: readonly ProcessStatus[];
  /** Figures of processes that have ended, or do not answer. */
  others?: readonly FiguresRead[];
  /** How many there should be. */
  wanted: number;
  expiries: readonly Expiry[];
  now: number;
}

/** Takes together what is known of all processes. */
export function statusOf({
  config,
  health,
  processes,
  others = [],
  wanted,
  expiries,
  now,
}: StatusParts): Status {
  const figures = figuresTogether([...processes.map((each) => each.figures), ...others]);
  const readings = processes.flatMap((each) => each.readings);
  const { store } = config.session;
  const issuers = config.bearer.map((_issuer, at) => `bearer[${at}]`);
  return {
    at: now,
    configHash: configHash(config),
    processes: { answering: processes.length, wanted },
    publicUrl: config.publicUrl,
    health,
    open: openOf(readings),
    routes: routesOf(config, readings, figures),
    providers: [...Object.keys(config.providers), ...issuers].map((name) => ({
      name,
      troubles: health.degraded.filter((each) => each.name === name),
    })),
    store: {
      kind: store.kind,
      name: store.kind,
      troubles: health.degraded.filter(({ reason }) => reason.startsWith('store_')),
    },
    certificates: expiries.filter(({ isSpare }) => !isSpare),
    figures,
  };
}

function openOf(readings: readonly Reading[]): Record<string, number> {
  const open: Record<string, number> = {};
  for (const { key, labels, value } of readings) {
    const { kind } = labels;
    if (key === 'inFlight' && kind !== undefined) open[kind] = (open[kind] ?? 0) + value;
  }
  return open;
}

/** A target counts as down where one of the processes leaves it out. */
function routesOf(
  { routes }: Config,
  readings: readonly Reading[],
  { routes: counted, out }: FiguresRead,
): RouteStatus[] {
  const down = new Set(
    readings
      .filter(({ key, value }) => key === 'targetUp' && value === 0)
      .map(({ labels }) => placeOf(labels.route, labels.target)),
  );
  const slots = new Map(counted);
  const reasons = new Map(out.map(([target, since, reason]) => [target, { since, reason }]));
  return routes.map((route, at) => {
    const label = routeLabel(route);
    return {
      number: at + 1,
      label,
      methods: route.methods,
      access: accessOf(route),
      isInMaintenance: route.maintenance !== false,
      targets: route.upstream.targets.map(({ url: name }) => {
        const isUp = !down.has(placeOf(label, name));
        return { name, isUp, out: isUp ? undefined : reasons.get(name) };
      }),
      slots: slots.get(label) ?? [],
    };
  });
}

const placeOf = (route = '', target = ''): string => JSON.stringify([route, target]);

function accessOf({ allow }: RouteConfig): RouteStatus['access'] {
  return allow === 'public' || allow === 'signed-in' ? allow : 'rules';
}
