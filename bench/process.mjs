import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { loadCore, proxyCore } from './machine.mjs';

const readyWithinMs = 20_000;
const politeMs = 4000;
const running = new Set();

// A benchmark that breaks off must not leave servers behind.
process.on('exit', () => {
  for (const kill of running) kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/**
 * Starts a server on a core and waits until it answers, whatever it says. Its output goes to a file: a pipe
 * would cost the driver time.
 * @param options.cores the cores that it may use, as taskset takes them; the proxy's by default
 * @returns its process id, the milliseconds until its first answer, and what stops it
 */
export async function startServer(command, args, { port, log, env = {}, cores = proxyCore }) {
  const output = openSync(log, 'a');
  const started = performance.now();
  const child = spawn('taskset', ['-c', cores, command, ...args], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ['ignore', output, output],
    // Some servers signal their whole group when they end.
    detached: true,
  });
  closeSync(output);
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It is gone.
    }
  };
  running.add(kill);
  let ended = false;
  const exited = new Promise((resolve) => {
    child.on('exit', () => {
      ended = true;
      running.delete(kill);
      resolve();
    });
  });
  while (!(await answers(port))) {
    if (ended || performance.now() - started > readyWithinMs) {
      kill('SIGKILL');
      throw new Error(`${command} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await pause(5);
  }
  return {
    pid: child.pid,
    firstAnswerMs: performance.now() - started,
    async stop() {
      if (ended) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => kill('SIGKILL'), politeMs);
      await exited;
      clearTimeout(timer);
      kill('SIGKILL');
    },
  };
}

/** Starts something that is not measured, on the core for such things. */
export function startParty(command, args, options) {
  return startServer(command, args, { ...options, cores: loadCore });
}

function answers(port) {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/1k', agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(true));
    }).on('error', () => resolve(false));
  });
}

/** Runs a command to its end and gives what it wrote. Rejects with its output when it fails. */
export function runCommand(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${out}${err}`));
    });
  });
}
