import cluster from 'node:cluster';
import { systemClock, within } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema/index.ts';
import { watchCertificates } from '../estate/certificate-watch.ts';
import { openFiles } from '../files.ts';
import { startGateway } from '../gateway.ts';
import { createHoldings } from '../holdings.ts';
import { openGranter } from '../identity/granter.ts';
import { sayFarewell, sayLeaving } from '../listen/farewell.ts';
import { answerPulse } from '../listen/pulse.ts';
import { onStopSignals, refuseInspector } from '../listen/signals.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import { startWorkers } from '../listen/workers.ts';
import { logOptions, type Observe, openObserve } from '../observe/open-observe.ts';
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
  const observe = openObserve(logOptions(config.logging), { clock: systemClock });
  if (cluster.isPrimary) {
    for (const warning of warnings) observe.emit({ kind: 'configuration-doubted', warning });
    observe.emit({ kind: 'starting', config: read ?? 'environment', workers: config.workers });
  }
  if (config.workers > 1 && cluster.isPrimary) {
    for (const { address } of config.listen) await removeStaleSocket(address);
    await removeStaleSocket(config.admin.listen);
  }
  const running =
    config.workers > 1 && cluster.isPrimary
      ? await startPrimary(config, observe)
      : await startGateway(config, {
          observe,
          primary: cluster.isWorker ? callPrimary(systemClock) : undefined,
        });
  stopOnSignal(running, observe);
}

const longestReleaseMs = 1000;

/** The process that asks the providers for its workers. */
interface Primary {
  /** Has it ask by another configuration; to be called before the workers adopt it. */
  adopt(config: Config): Promise<void>;
  close(): Promise<void>;
}

/** The workers, and what they have in common. */
async function startPrimary(config: Config, { emit, keepSecrets }: Observe): Promise<Primary> {
  const granter = openGranter({ emit, clock: systemClock, random: systemRandom, holdings: createHoldings() });
  const certificates = watchCertificates({ emit, clock: systemClock });
  const adopt = async (next: Config, files = openFiles()) => {
    keepSecrets(next.secrets);
    await granter.adopt(next.providers, compilePlan(next, files).claims, files.read);
    certificates.adopt(next, files.read);
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
    async close() {
      certificates.close();
      await workers.close();
      // Calls to a provider that hang go with the process.
      await within(systemClock, longestReleaseMs, granter.close());
    },
  };
}

function stopOnSignal(running: { close(): Promise<void> }, { emit, flushed }: Observe): void {
  const end = (code: number) => void flushed().then(() => process.exit(code));
  const stop = (signal: NodeJS.Signals) => {
    emit({ kind: 'stopping', signal });
    if (cluster.isWorker) sayLeaving();
    const closed = cluster.isWorker ? running.close().then(() => sayFarewell(systemClock)) : running.close();
    closed.then(
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
