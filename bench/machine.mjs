import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';

/** What the kernel knows of processes and cores. Times are seconds, sizes bytes. */

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The core that the measured proxy has to itself, and the one for load, upstream and everything else. */
export const proxyCore = '0';
export const loadCore = '1';

/** Moves this process, and so what it starts from now on, away from the proxy's core. */
export function leaveProxyCore() {
  if (availableParallelism() < 2) throw new Error('the benchmark needs two cores: one for the proxy alone');
  execFileSync('taskset', ['-acp', loadCore, String(process.pid)], { stdio: 'ignore' });
}

function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold spaces.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [parent, ...times] = [fields[1], ...fields.slice(11, 15)].map(Number);
    return { parent, times };
  } catch {
    return undefined;
  }
}

function treeOf(root) {
  const all = new Map();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) && readStat(name);
    if (stat) all.set(Number(name), stat);
  }
  const tree = new Set([root]);
  // Parents may have larger numbers than their children where numbers were used up once.
  for (let grown = -1; grown !== tree.size; ) {
    grown = tree.size;
    for (const [pid, { parent }] of all) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree].flatMap((pid) => (all.has(pid) ? [{ pid, times: all.get(pid).times }] : []));
}

/** CPU time that a process and its children have used, those that have ended included. */
export function cpuSeconds(pid) {
  const ticks = treeOf(pid).reduce((sum, { times }) => sum + times.reduce((a, b) => a + b, 0), 0);
  return ticks / ticksPerSecond;
}

/** Memory of a process and its children; pages that they share are counted once. */
export function memoryBytes(pid) {
  return treeOf(pid).reduce((sum, { pid: each }) => {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'utf8');
    return sum + Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  }, 0);
}

function readMachine() {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/);
  const [user, nice, system, , , irq, softirq, steal] = fields.map((text) => Number(text) / ticksPerSecond);
  return { busy: user + nice + system + irq + softirq, steal, own: cpuSeconds(process.pid) };
}

/** Watches what others take of the machine; the function that it returns says how much, in cores. */
export function watchNoise() {
  const before = readMachine();
  const started = performance.now();
  return () => {
    const after = readMachine();
    const seconds = (performance.now() - started) / 1000;
    const foreign = after.busy - before.busy - (after.own - before.own);
    return { foreign: Math.max(0, foreign) / seconds, steal: (after.steal - before.steal) / seconds };
  };
}

/** The machine in one line. */
export function describeMachine() {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${cpus().length} cores of ${model}, Linux ${release()}`;
}
