import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../child.ts';
import { freePort } from '../free-port.ts';

/** A real application that runs as a process of its own. */
export interface Application {
  url: string;
  /** What it has written to its standard output and error so far. */
  output(): string;
  stop(): Promise<void>;
}

const attempts = 3;

/** The part of a program that is needed here; a server in this process can be one too. */
export type Running = Pick<Child, 'stdout' | 'stderr' | 'stop'>;

/**
 * Starts a program that is told its port, in a folder of its own; another test may take the port in between,
 * so there is more than one attempt.
 */
export async function startOnFreePort(
  start: (port: number, folder: string) => Promise<Running>,
): Promise<Application> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-app-'));
    // Servers that are started as root read their files as somebody else.
    await chmod(folder, 0o755);
    const removeFolder = () => rm(folder, { recursive: true, force: true });
    const port = await freePort();
    try {
      const child = await start(port, folder);
      return applicationOf(child, port, removeFolder);
    } catch (error) {
      await removeFolder();
      if (attempt === attempts) throw error;
    }
  }
}

/** Starts a compiled program of this folder, which listens where it likes and prints `listening PORT`. */
export async function startProgram(file: string, args: string[] = []): Promise<Application> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  let port = 0;
  const child = await startChild(process.execPath, [path, ...args], {
    ready: ({ stdout }) => {
      port = Number(/^listening (\d+)$/m.exec(stdout.join(''))?.[1] ?? 0);
      return port > 0;
    },
  });
  return applicationOf(child, port);
}

function applicationOf(child: Running, port: number, afterStop?: () => Promise<void>): Application {
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => child.stdout.join('') + child.stderr.join(''),
    async stop() {
      await child.stop();
      await afterStop?.();
    },
  };
}
