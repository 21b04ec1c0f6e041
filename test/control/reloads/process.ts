import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LogLine } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const probe = new URL('./probe.js', import.meta.url).href;

/** What came of a reload, as the log says. */
export interface Outcome {
  isRefused: boolean;
  problems: readonly string[];
}

/** What processes hold. */
export interface Held {
  /** Bytes of memory, of all of them together. */
  rss: number;
  /** The same of each, the first process first. */
  each: readonly number[];
  descriptors: number;
}

/** The same, with what is left after a garbage collection. */
export interface Measured extends Held {
  needed: number;
}

/** A gateway in processes of its own, which is told to reload. */
export interface GatewayProcess {
  pid: number;
  /** Its log but for lines of requests. */
  lines: readonly LogLine[];
  /** What comes of the next reload; to be called before it is asked for. */
  outcome(): Promise<Outcome>;
  /** What it and its workers hold. */
  held(): Held;
  /** What its JavaScript still needs, in bytes, when all garbage is collected. */
  needed(): Promise<number>;
  stop(): Promise<void>;
}

const outcomeWithinMs = 60_000;

/** Runs `sallyport serve -c FILE`, and waits until each worker listens. */
export async function startGatewayProcess(file: string, workers: number): Promise<GatewayProcess> {
  // The test runner's own loader, in NODE_OPTIONS, would run in the gateway too.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', probe, main, 'serve', '-c', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines: LogLine[] = [];
  const stderr: string[] = [];
  let waiting: { resolve(outcome: Outcome): void; reject(error: Error): void } | undefined;
  void exited.then(() => waiting?.reject(new Error(`the gateway ended: ${stderr.join('')}`)));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (text.endsWith('"msg":"request"}') || !text.startsWith('{')) return;
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    // Those of the audit have no message.
    if (!/^reload(ed$| refused)/.test(line.msg ?? '')) return;
    const problems = (line.problems ?? [line.reason ?? '']) as readonly string[];
    waiting?.resolve({ isRefused: line.msg !== 'reloaded', problems });
  });
  const listening = () => lines.filter(({ msg }) => msg === 'listening').length;
  await until('a gateway that listens', () => child.exitCode !== null || listening() >= workers, 30_000);
  if (child.exitCode !== null)
    throw new Error(`the gateway ended: ${stderr.join('')}${JSON.stringify(lines)}`);
  const pid = child.pid ?? 0;
  return {
    pid,
    lines,
    outcome: () =>
      new Promise<Outcome>((resolve, reject) => {
        const limit = setTimeout(() => {
          reject(new Error(`no outcome of a reload in ${outcomeWithinMs} ms`));
        }, outcomeWithinMs);
        const end = () => {
          clearTimeout(limit);
          waiting = undefined;
        };
        waiting = {
          resolve(outcome) {
            end();
            resolve(outcome);
          },
          reject(error) {
            end();
            reject(error);
          },
        };
      }),
    held: () => heldBy([pid, ...childrenOf(pid)]),
    async needed() {
      const before = lines.length;
      const pids = [pid, ...childrenOf(pid)];
      for (const each of pids) process.kill(each, 'SIGUSR2');
      const measured = () =>
        lines.slice(before).flatMap(({ msg, heap }) => (msg === 'measured' ? Number(heap) : []));
      await until('a measured heap', () => measured().length === pids.length, 30_000);
      return measured().reduce((sum, heap) => sum + heap, 0);
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
    },
  };
}

function childrenOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [...children, ...children.flatMap(childrenOf)];
}

function heldBy(pids: readonly number[]): Held {
  const rssOf = (pid: number) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  const each = pids.map(rssOf);
  return {
    rss: each.reduce((sum, rss) => sum + rss, 0),
    each,
    descriptors: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
  };
}
