import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { type GatewayParts, gatewayYaml } from './gateway-config.ts';
import { freePort } from './listening.ts';
import { observeInto } from './observe.ts';
import { providerFound } from './provider-found.ts';
import { until } from './until.ts';

export type { GatewayParts } from './gateway-config.ts';

/** A line of the gateway's log. */
export interface LogLine {
  level: string;
  time: string;
  msg: string;
  [field: string]: unknown;
}

/** The log of a gateway, as it grows. */
export interface GatewayLog {
  lines: LogLine[];
  /** Everything that was written, for assertions on what must never be in it. */
  text(): string;
  /** Waits for a line; lines about a request come after its answer. Rejects after five seconds. */
  line(found: (line: LogLine) => boolean): Promise<LogLine>;
}

export interface TestGateway extends Gateway {
  log: GatewayLog;
  /** The configuration file that it runs with. */
  yaml: string;
}

const attempts = 5;

/** Starts a gateway in this process on a free port of 127.0.0.1; its log is kept in memory. */
export async function startTestGateway(parts: GatewayParts = {}): Promise<TestGateway> {
  for (let attempt = 1; ; attempt++) {
    const yaml = gatewayYaml(parts, await freePort());
    const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: parts.env ?? {} });
    const written: string[] = [];
    const { clock = systemClock } = parts;
    const observe = observeInto((line) => written.push(line), { level: 'debug', clock });
    try {
      const gateway = await startGateway(config, { observe, clock });
      for (const origin of config.publicUrl) parts.provider?.allowRedirectsTo(origin);
      if (parts.provider && parts.awaitProvider !== false) {
        await providerFound(gateway.url, config.endpoints.prefix);
      }
      return { ...gateway, log: readLog(written), yaml };
    } catch (error) {
      // Another test may have taken the port in between.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === attempts) throw error;
    }
  }
}

/** Reads a log that is being written, line by line. */
export function readLog(written: readonly string[]): GatewayLog {
  const read = (): LogLine[] =>
    written
      .join('')
      .split('\n')
      // The last one may be on its way still.
      .slice(0, -1)
      // Those of the audit begin with the time.
      .filter((line) => line.startsWith('{"level"'))
      .map((line) => JSON.parse(line) as LogLine);
  return {
    get lines() {
      return read();
    },
    text: () => written.join(''),
    line: (found) => until('a line in the log', () => read().find(found)),
  };
}
