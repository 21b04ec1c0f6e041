import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { until } from './until.ts';

export interface ChildOptions {
  /** Added to this process's environment. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Asked until true; a port of 127.0.0.1 that accepts connections when it is a number. */
  ready: number | ((child: Child) => boolean | Promise<boolean>);
  /** Milliseconds (60,000). */
  readyWithin?: number;
  /** Gives it a process group of its own, for programs that signal their whole group when they end. */
  ownGroup?: boolean;
  /** What to do when the program is missing, for the error message. */
  install?: string;
}

/** A program that a test started. */
export interface Child {
  pid: number;
  process: ChildProcess;
  /** What it has written so far. */
  stdout: string[];
  stderr: string[];
  /** Resolves when it ended. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Ends it, politely at first; resolves when it is gone. */
  stop(): Promise<void>;
}

/** How long a program may take to end when asked to, before it is killed. */
const politeMs = 3000;

/** Starts a program and waits until it is ready. Rejects with its output when it never gets so far. */
export async function startChild(command: string, args: string[], options: ChildOptions): Promise<Child> {
  const started = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.ownGroup ?? false,
  });
  // A test that ends early must not leave programs behind.
  const killAtExit = () => started.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stdout: string[] = [];
  const stderr: string[] = [];
  started.stdout.on('data', (chunk: Buffer) => stdout.push(chunk.toString()));
  started.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  let ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  let failure: Error | undefined;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      ended = { code, signal };
      process.off('exit', killAtExit);
      resolve(ended);
    };
    started.on('close', end);
    started.on('error', (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === 'ENOENT' && options.install ? `: install it with "${options.install}"` : '';
      failure = new Error(`${command} cannot be started${advice}`, { cause: error });
      end(null, null);
    });
  });
  const child: Child = {
    pid: started.pid ?? 0,
    process: started,
    stdout,
    stderr,
    exited,
    async stop() {
      if (ended) return;
      started.kill('SIGTERM');
      const kill = setTimeout(() => started.kill('SIGKILL'), politeMs);
      await exited;
      clearTimeout(kill);
    },
  };
  const { ready } = options;
  try {
    await until(
      `${command} getting ready`,
      async () => {
        if (failure) throw failure;
        if (ended) throw new Error(`${command} ended with ${ended.code ?? ended.signal}`);
        return typeof ready === 'number' ? accepts(ready) : ready(child);
      },
      options.readyWithin ?? 60_000,
    );
  } catch (error) {
    await child.stop();
    const output = `${stdout.join('')}${stderr.join('')}`.slice(-2000);
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  }
  return child;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
    // Whoever takes no more connections lets them wait, and is not the one that was started.
    socket.setTimeout(2000, () => settle(false));
  });
}
