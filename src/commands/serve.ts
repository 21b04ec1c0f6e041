import cluster from 'node:cluster';
import { systemClock, within } from '../clock.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError } from '../config/problems.ts';
import { type Admin, openAdmin } from '../control/admin.ts';
import { createControls } from '../control/create-controls.ts';
import { startPrimary } from '../control/primary.ts';
import { createReloader } from '../control/reloader.ts';
import type { Running } from '../control/running.ts';
import { superviseReloads } from '../control/supervise.ts';
import { openWorkerSide, type WorkerSide } from '../control/worker.ts';
import { watchCertificates } from '../estate/certificate-watch.ts';
import type { Degraded } from '../estate/health.ts';
import type { Files } from '../files.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { onDrain, sayFarewell, sayLeaving } from '../listen/farewell.ts';
import { answerPulse } from '../listen/pulse.ts';
import { onStopSignals, refuseInspector } from '../listen/signals.ts';
import { type Observe, openObserve, sinkOptions } from '../observe/open-observe.ts';
import { usablePlan } from '../plan/usable.ts';
import { systemRandom } from '../random.ts';
import { callPrimary } from '../session/shared/primary-calls.ts';

/**
 * `sallyport serve`: runs the gateway until SIGTERM or SIGINT, in this process or in `workers` of them.
 * Rejects with ConfigError when the configuration cannot be used.
 */
export async function serve({ config: file }: { config?: string }): Promise<void> {
  refuseInspector();
  // A worker never reloads by itself: that is the primary's.
  if (cluster.isWorker) return serveAsWorker();
  const load = (files?: Files) => loadConfig({ file, env: process.env, files });
  const loaded = load();
  // Before anything is opened or told.
  usablePlan(loaded);
  const { config, warnings } = loaded;
  const observe = observeBy(loaded);
  for (const warning of warnings) observe.emit({ kind: 'configuration-doubted', warning });
  observe.emit({ kind: 'starting', config: loaded.file ?? 'environment', workers: config.workers });
  await runGateway(loaded, load, observe);
}

/** Throws ConfigError where something is to be told at a place that cannot be written to. */
function observeBy({ config, file }: LoadedConfig): Observe {
  try {
    return openObserve(sinkOptions(config), { clock: systemClock });
  } catch (error) {
    throw new ConfigError([{ path: [], source: file ?? 'environment', message: (error as Error).message }]);
  }
}

/** Opens the admin listener first, so that it is known how the start goes. */
async function runGateway(
  loaded: LoadedConfig,
  load: (files: Files) => LoadedConfig,
  observe: Observe,
): Promise<void> {
  const { config } = loaded;
  const { emit } = observe;
  const controls = createControls(loaded, systemClock);
  const early = noteReloads();
  const admin = await openAdmin(config.admin, { emit, clock: systemClock, controls });
  const start = config.workers > 1 ? startInWorkers : startHere;
  const starting = start(loaded, observe, admin);
  stopOnSignal(starting, config.shutdown.timeout, observe);
  const running = await starting;
  // Here and not in a worker, so that it is said once.
  const certificates = watchCertificates({ emit, clock: systemClock });
  certificates.adopt(loaded);
  const reloader = createReloader(loaded, {
    running,
    load,
    async prepareRest(next) {
      const moved = await admin.prepare(next.config.admin);
      const commit = () => {
        certificates.adopt(next);
        return moved.commit();
      };
      return { commit, abort: moved.abort };
    },
    emit,
  });
  const supervised = superviseReloads(reloader, { emit, clock: systemClock });
  const looked = withDegraded(running, certificates.expiring);
  controls.command(looked, { ...reloader, ...supervised }, certificates);
  if (early.wereAsked()) await supervised.reload({ by: 'SIGHUP' });
}

/** What was read at the start may be old by the time that the gateway runs: who asked meanwhile means a newer one. */
function noteReloads() {
  let wereAsked = false;
  const asked = () => {
    wereAsked = true;
  };
  process.on('SIGHUP', asked);
  return {
    wereAsked() {
      process.off('SIGHUP', asked);
      return wereAsked;
    },
  };
}

/** What runs, with what else does not work. */
function withDegraded(running: Running, more: () => readonly Degraded[]): Running {
  return {
    ...running,
    async health() {
      const health = await running.health();
      return { ...health, degraded: [...health.degraded, ...more()] };
    },
  };
}

/** In this process. */
async function startHere({ config, files }: LoadedConfig, observe: Observe, admin: Admin): Promise<Running> {
  const gateway = await startGateway(config, { observe, files, admin: { url: admin.url() } });
  return {
    ...gateway,
    health: async () => gateway.health(),
    async metrics() {
      const own = await gateway.metrics();
      return own && [own];
    },
    status: async () => ({ processes: [gateway.status()], others: [], wanted: 1 }),
    async close(why) {
      await gateway.close(why);
      await admin.close();
    },
  };
}

/** In several processes, whose primary this one is. */
async function startInWorkers(loaded: LoadedConfig, observe: Observe, admin: Admin): Promise<Running> {
  const primary = await startPrimary(loaded, {
    observe,
    clock: systemClock,
    random: systemRandom,
    adminUrl: admin.url,
    onFailure: (code) => process.exit(code),
  });
  return {
    ...primary,
    async close(why) {
      await primary.close(why);
      await admin.close();
    },
  };
}

/** One of the workers: it goes by what its primary process has read. */
async function serveAsWorker(): Promise<void> {
  answerPulse();
  const side = await openWorkerSide(systemClock, process.env);
  const { config, files } = side.loaded;
  const observe = observeBy(side.loaded);
  const primary = callPrimary(systemClock);
  const starting = startGateway(config, { observe, files, primary, admin: side.admin });
  process.on('SIGTERM', side.leave);
  stopOnSignal(handingOver(starting, side), config.shutdown.timeout, observe);
  side.serve(await starting);
}

/** What a worker has counted is handed over when it has served its last request. */
async function handingOver(
  starting: Promise<Gateway>,
  { hand }: Pick<WorkerSide, 'hand'>,
): Promise<Pick<Gateway, 'drain' | 'close'>> {
  const { drain, close, metrics, status } = await starting;
  return {
    drain,
    async close(why) {
      await close(why);
      await hand(await metrics(), status());
    },
  };
}

/** @param longestStartMs how long a start is waited for that is not done when the signal comes */
function stopOnSignal(
  starting: Promise<Pick<Running, 'drain' | 'close'>>,
  longestStartMs: number,
  { emit, flushed }: Observe,
): void {
  // A start that fails is told of by whoever waits for it.
  if (cluster.isWorker) onDrain(() => void starting.then(({ drain }) => drain()).catch(() => {}));
  let isStarting = true;
  void starting
    .catch(() => {})
    .then(() => {
      isStarting = false;
    });
  const end = (code: number) => void flushed().then(() => process.exit(code));
  const close = async () => {
    const why = isStarting ? 'not started' : 'stopped';
    const isReplaced = cluster.isWorker && (await sayLeaving(systemClock));
    const running = await within(systemClock, longestStartMs, starting);
    await running?.close(isReplaced ? 'replaced' : why);
    if (cluster.isWorker) await sayFarewell(systemClock);
  };
  const stop = (signal: NodeJS.Signals) => {
    emit({ kind: 'stopping', signal });
    close().then(
      () => {
        emit({ kind: 'stopped' });
        end(0);
      },
      (error: unknown) => {
        emit({ kind: 'stopping-failed', reason: String(error) });
        end(1);
      },
    );
  };
  onStopSignals(systemClock, stop, () => process.exit(1));
}
