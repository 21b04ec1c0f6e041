import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { freePort } from './free-port.ts';
import { type GatewayParts, gatewayYaml } from './gateway-config.ts';
import { wrongOf } from './log-schema.ts';
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
    const { access, format } = config.logging;
    const observe = observeInto((line) => written.push(line), {
      level: 'debug',
      clock,
      sinks: parts.sinks,
      access,
      combined: format === 'combined',
    });
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

/** Whatever a test makes the gateway say, its lines are those that are documented. */
function requireSchema(line: LogLine): void {
  const wrong = wrongOf(line);
  if (wrong !== undefined)
    throw new Error(`a line is not as the schema says: ${wrong}: ${JSON.stringify(line)}`);
}

/** Reads a log that is being written, line by line, and each line once: tests ask again and again. */
export function readLog(written: readonly string[]): GatewayLog {
  const lines: LogLine[] = [];
  let chunks = 0;
  let rest = '';
  const read = (): LogLine[] => {
    const text = rest + written.slice(chunks).join('');
    chunks = written.length;
    const whole = text.split('\n');
    // The last one may be on its way still.
    rest = whole.pop() ?? '';
    // Those of the audit begin with the time, and have a schema of their own.
    for (const text of whole.filter((line) => /^\{(?!"time")/.test(line))) {
      const line = JSON.parse(text) as LogLine;
      requireSchema(line);
      lines.push(line);
    }
    return lines;
  };
  return {
    get lines() {
      return [...read()];
    },
    text: () => written.join(''),
    line: (found) => until('a line in the log', () => read().find(found)),
  };
}
