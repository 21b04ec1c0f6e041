import cluster from 'node:cluster';
import { systemClock, within } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema/index.ts';
import type { Closing } from '../estate/estate.ts';
import { startGateway } from '../gateway.ts';
import { createHoldings } from '../holdings.ts';
import { openGranter } from '../identity/granter.ts';
import { onDrain, sayFarewell, sayLeaving } from '../listen/farewell.ts';
import { answerPulse } from '../listen/pulse.ts';
import { countDown } from '../listen/shutdown.ts';
import { onStopSignals, refuseInspector } from '../listen/signals.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import { startWorkers } from '../listen/workers.ts';
import { type Observe, openObserve } from '../observe/open-observe.ts';
import { compilePlan } from '../plan/plan.ts';
import { systemRandom } from '../random.ts';
import { callPrimary } from '../session/shared/primary-calls.ts';

/**
 * `sallyport serve`: runs the gateway until SIGTERM or SIGINT, in this process or in `workers` of them.
 * Rejects with ConfigError when the configuration cannot be used.
 */
export async function serve({ config: file }: { config?: string }): Promise<void> {
  refuseInspector();
  if (cluster.isWorker) answerPulse();
  const { config, warnings, file: read } = loadConfig({ file, env: process.env });
  const { level, format } = config.logging;
  const pretty = format === 'auto' ? process.stdout.isTTY === true : format === 'pretty';
  const observe = openObserve({ level, pretty }, { clock: systemClock });
  if (cluster.isPrimary) {
    for (const warning of warnings) observe.emit({ kind: 'configuration-doubted', warning });
    observe.emit({ kind: 'starting', config: read ?? 'environment', workers: config.workers });
  }
  const starting = start(config, observe);
  stopOnSignal(starting, config.shutdown.timeout, observe);
  await starting;
}

/** What the process does, until it ends. */
interface Running {
  /** Has others take over; see `Estate`. */
  drain(): void;
  close(why?: Closing): Promise<void>;
}

async function start(config: Config, observe: Observe): Promise<Running> {
  if (config.workers === 1 || cluster.isWorker) {
    const primary = cluster.isWorker ? callPrimary(systemClock) : undefined;
    return startGateway(config, { observe, primary });
  }
  await removeStaleSocket(config.listen.address);
  await removeStaleSocket(config.admin.listen);
  return startPrimary(config, observe);
}

const longestReleaseMs = 1000;

/** The process that asks the providers for its workers. */
interface Primary extends Running {
  /** Has it ask by another configuration; to be called before the workers adopt it. */
  adopt(config: Config): Promise<void>;
  /** Whether others are to take over, or everything ends: then it is not ready, whatever its workers are. */
  isDraining(): boolean;
}

/** The workers, and what they have in common. */
async function startPrimary(config: Config, { emit, keepSecrets }: Observe): Promise<Primary> {
  const granter = openGranter({ emit, clock: systemClock, random: systemRandom, holdings: createHoldings() });
  let { timeout } = config.shutdown;
  let isDraining = false;
  const adopt = async (next: Config) => {
    keepSecrets(next.secrets);
    await granter.adopt(next.providers, compilePlan(next).claims);
    timeout = next.shutdown.timeout;
  };
  await adopt(config);
  const workers = startWorkers({
    count: config.workers,
    emit,
    clock: systemClock,
    grant: granter.grant,
    onFailure: (code) => process.exit(code),
  });
  return {
    adopt,
    isDraining: () => isDraining,
    drain() {
      isDraining = true;
      workers.drain();
    },
    async close() {
      isDraining = true;
      const left = countDown(timeout, systemClock);
      await workers.close(timeout);
      // Calls to a provider that hang go with the process.
      await within(systemClock, Math.min(longestReleaseMs, left.forClosing()), granter.close());
    },
  };
}

/** @param longestStartMs how long a start is waited for that is not done when the signal comes */
function stopOnSignal(starting: Promise<Running>, longestStartMs: number, { emit, flushed }: Observe): void {
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
