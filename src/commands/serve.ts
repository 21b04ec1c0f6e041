import { loadConfig } from '../config/load.ts';
import { startGateway } from '../gateway.ts';
import { createLogger } from '../observe/log.ts';

/**
 * `sallyport serve`: runs the gateway until SIGTERM or SIGINT. Rejects with ConfigError when the
 * configuration cannot be used.
 */
export async function serve({ config: file }: { config?: string }): Promise<void> {
  const { config, warnings, file: read } = loadConfig({ file, env: process.env });
  const { level, format } = config.logging;
  const pretty = format === 'auto' ? process.stdout.isTTY === true : format === 'pretty';
  const log = createLogger({ level, pretty });
  for (const warning of warnings) log.warn(warning);
  log.info({ config: read ?? 'environment' }, 'starting');
  const gateway = await startGateway(config, { log });

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // A second signal is for a person who will not wait.
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    gateway.close().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ reason: String(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
