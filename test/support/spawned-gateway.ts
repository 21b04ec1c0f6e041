import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { type GatewayLog, readLog } from './gateway.ts';
import { type GatewayParts, gatewayYaml } from './gateway-config.ts';
import { providerFound } from './provider-found.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface SpawnedGateway extends Child {
  url: string;
  /** The file that it runs with. */
  file: string;
  log: GatewayLog;
  /** Memory that the process holds now, in bytes (Linux only). */
  rss(): Promise<number>;
  /** The most memory that it ever held, in bytes (Linux only). */
  peakRss(): Promise<number>;
}

type SpawnParts = GatewayParts & {
  nodeArgs?: string[];
  /** A file, device or named pipe that takes the log, in place of the test. */
  output?: string;
  /** Gives it a process group of its own, whose processes can be signalled together. */
  ownGroup?: boolean;
};

const attempts = 5;

/** Runs `sallyport serve -c FILE` as a process of its own, on a free port, and waits until it is ready. */
export async function spawnGateway(parts: SpawnParts = {}): Promise<SpawnedGateway> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await spawnOn(await freePort(), parts);
    } catch (error) {
      // Another test may have taken the port in between.
      if (!String(error).includes('EADDRINUSE') || attempt === attempts) throw error;
    }
  }
}

async function spawnOn(port: number, parts: SpawnParts): Promise<SpawnedGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-'));
  const file = join(folder, 'sallyport.yaml');
  const yaml = gatewayYaml(parts, port);
  await writeFile(file, yaml, { mode: 0o600 });
  const url = `http://127.0.0.1:${port}`;
  parts.provider?.allowRedirectsTo(url);
  const args = [...(parts.nodeArgs ?? []), main, 'serve', '-c', file];
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  // Whether somebody answers on the port does not tell who does; the log does, where it is on.
  const isQuiet = /^ +level: (warn|error|silent)$/m.test(yaml);
  const ready = parts.output !== undefined ? answersAt(url) : isQuiet ? port : isListening;
  // The test runner's own loader, in NODE_OPTIONS, would run in the gateway too and distort what is measured.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, ...args];
  const [program, given] =
    parts.output === undefined
      ? ['env', command]
      : ['sh', ['-c', 'output=$1; shift; exec env "$@" >"$output"', 'sh', parts.output, ...command]];
  const child = await startChild(program as string, given as string[], {
    env: parts.env ?? {},
    ready,
    ownGroup: parts.ownGroup ?? false,
  }).catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  if (parts.provider && parts.awaitProvider !== false) await providerFound(url);
  void child.exited.then(removeFolder);
  const memory = async (field: string) => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  };
  return {
    ...child,
    url,
    file,
    log: readLog(child.stdout),
    rss: () => memory('VmRSS'),
    peakRss: () => memory('VmHWM'),
  };
}

/** For a gateway whose log goes elsewhere: that it answers at its address, and not another program. */
const answersAt = (url: string) => async (child: Child) => {
  if (child.stderr.join('').includes('EADDRINUSE')) throw new Error('the port was taken: EADDRINUSE');
  try {
    const { headers } = await fetch(`${url}/oauth2/nowhere`, { redirect: 'manual' });
    return headers.get('x-sallyport-error') === 'unknown_endpoint';
  } catch {
    return false;
  }
};

/** Throws when the port was taken; workers would try it for ever. */
function isListening({ stdout, stderr }: Child): boolean {
  const output = [...stdout, ...stderr].join('');
  if (output.includes('EADDRINUSE')) throw new Error('the port was taken: EADDRINUSE');
  return output.includes('"msg":"listening"');
}
