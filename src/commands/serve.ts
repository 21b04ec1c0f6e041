import cluster from 'node:cluster';
import { systemClock, within } from '../clock.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { startPrimary } from '../control/primary.ts';
import { createReloader } from '../control/reloader.ts';
import type { Running } from '../control/running.ts';
import { superviseReloads } from '../control/supervise.ts';
import { openWorkerSide } from '../control/worker.ts';
import { watchCertificates } from '../estate/certificate-watch.ts';
import { startGateway } from '../gateway.ts';
import { onDrain, sayFarewell, sayLeaving } from '../listen/farewell.ts';
import { answerPulse } from '../listen/pulse.ts';
import { onStopSignals, refuseInspector } from '../listen/signals.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import { logOptions, type Observe, openObserve } from '../observe/open-observe.ts';
import { systemRandom } from '../random.ts';
import { callPrimary } from '../session/shared/primary-calls.ts';

/**
 * `sallyport serve`: runs the gateway until SIGTERM or SIGINT, in this process or in `workers` of them.
 * Rejects with ConfigError when the configuration cannot be used.
 */
export async function serve({ config: file }: { config?: string }): Promise<void> {
  refuseInspector();
  // Until the gateway runs there is nothing to reload; in a worker never, since it is the primary's.
  process.on('SIGHUP', () => {});
  if (cluster.isWorker) return serveAsWorker();
  const load = (files?: LoadedConfig['files']) => loadConfig({ file, env: process.env, files });
  const loaded = load();
  const { config, warnings } = loaded;
  const observe = openObserve(logOptions(config.logging), { clock: systemClock });
  for (const warning of warnings) observe.emit({ kind: 'configuration-doubted', warning });
  observe.emit({ kind: 'starting', config: loaded.file ?? 'environment', workers: config.workers });
  const starting = config.workers > 1 ? startWorkers(loaded, observe) : startHere(loaded, observe);
  stopOnSignal(starting, config.shutdown.timeout, observe);
  const running = await starting;
  // Here and not in a worker, so that it is said once.
  const certificates = watchCertificates({ emit: observe.emit, clock: systemClock });
  certificates.adopt(loaded);
  const reloader = createReloader(loaded, {
    running,
    load,
    prepareRest: async (next) => ({ commit: () => certificates.adopt(next), async abort() {} }),
    emit: observe.emit,
  });
  superviseReloads(reloader, { emit: observe.emit, clock: systemClock });
}

/** In this process. */
async function startHere({ config, files }: LoadedConfig, observe: Observe): Promise<Running> {
  return startGateway(config, { observe, files });
}

async function startWorkers(loaded: LoadedConfig, observe: Observe): Promise<Running> {
  const { listen, admin } = loaded.config;
  for (const { address } of listen) await removeStaleSocket(address);
  await removeStaleSocket(admin.listen);
  return startPrimary(loaded, {
    observe,
    clock: systemClock,
    random: systemRandom,
    onFailure: (code) => process.exit(code),
  });
}

/** One of the workers: it goes by what its primary process has read. */
async function serveAsWorker(): Promise<void> {
  answerPulse();
  const side = await openWorkerSide(systemClock, process.env);
  const { config, files } = side.loaded;
  const observe = openObserve(logOptions(config.logging), { clock: systemClock });
  const starting = startGateway(config, { observe, files, primary: callPrimary(systemClock) });
  stopOnSignal(starting, config.shutdown.timeout, observe);
  side.serve(await starting);
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
