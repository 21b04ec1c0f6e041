import cluster from 'node:cluster';
import { systemClock, within } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema/index.ts';
import { startGateway } from '../gateway.ts';
import { createHoldings } from '../holdings.ts';
import { openGranter } from '../identity/granter.ts';
import { sayFarewell, sayLeaving } from '../listen/farewell.ts';
import { answerPulse } from '../listen/pulse.ts';
import { onStopSignals, refuseInspector } from '../listen/signals.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import { startWorkers } from '../listen/workers.ts';
import { createLogger, type Logger } from '../observe/log.ts';
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
  const log = createLogger({ level, pretty, clock: systemClock });
  if (cluster.isPrimary) {
    for (const warning of warnings) log.warn(warning);
    log.info({ config: read ?? 'environment', workers: config.workers }, 'starting');
  }
  if (config.workers > 1 && cluster.isPrimary) {
    await removeStaleSocket(config.listen.address);
    await removeStaleSocket(config.admin.listen);
  }
  const running =
    config.workers > 1 && cluster.isPrimary
      ? await startPrimary(config, log)
      : await startGateway(config, { log, primary: cluster.isWorker ? callPrimary(systemClock) : undefined });
  stopOnSignal(running, log);
}

const longestReleaseMs = 1000;

/** The process that asks the providers for its workers. */
interface Primary {
  /** Has it ask by another configuration; to be called before the workers adopt it. */
  adopt(config: Config): Promise<void>;
  close(): Promise<void>;
}

/** The workers, and what they have in common. */
async function startPrimary(config: Config, log: Logger): Promise<Primary> {
  const granter = openGranter({ log, clock: systemClock, random: systemRandom, holdings: createHoldings() });
  const adopt = (next: Config) => {
    log.keepSecrets(next.secrets);
    return granter.adopt(next.providers, compilePlan(next).claims);
  };
  await adopt(config);
  const workers = startWorkers({
    count: config.workers,
    log,
    clock: systemClock,
    grant: granter.grant,
    onFailure: (code) => process.exit(code),
  });
  return {
    adopt,
    async close() {
      await workers.close();
      // Calls to a provider that hang go with the process.
      await within(systemClock, longestReleaseMs, granter.close());
    },
  };
}

function stopOnSignal(running: { close(): Promise<void> }, log: Logger): void {
  const end = (code: number) => void log.flushed().then(() => process.exit(code));
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    if (cluster.isWorker) sayLeaving();
    const closed = cluster.isWorker ? running.close().then(() => sayFarewell(systemClock)) : running.close();
    closed.then(
      () => {
        log.info('stopped');
        end(0);
      },
      (error: unknown) => {
        log.error({ reason: String(error) }, 'stopping failed');
        end(1);
      },
    );
  };
  onStopSignals(systemClock, stop, () => process.exit(1));
}
