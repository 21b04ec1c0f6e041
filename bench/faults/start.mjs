import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../dist/test/support/free-port.js';
import { ask } from './ask.mjs';

const readyWithinMs = 30_000;
const groups = new Set();
const killGroup = (pid) => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
};

// A run that breaks off must not leave servers behind.
process.on('exit', () => {
  for (const pid of groups) killGroup(pid);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Some end at the start when they cannot write their log. */
export class DidNotStart extends Error {
  constructor(name, end, log) {
    super(`${name} did not start (${end}), log to ${log}`);
    this.end = end;
  }
}

/**
 * Starts a peer on a free port, in a process group of its own, and waits until it answers with 200.
 * @param place.log the file, device or pipe that takes its access log, its error log and its output
 */
export async function startPeer(peer, { folder, upstreamPort, log }) {
  const port = await freePort();
  const { command, args, env = {} } = peer.configure({ folder, port, upstreamPort, log });
  const output = openSync(log, 'a');
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: `${process.env.PATH}:/usr/sbin`, ...env },
    stdio: ['ignore', output, output],
    detached: true,
  });
  closeSync(output);
  groups.add(child.pid);
  const exited = new Promise((resolve) => {
    child.on('error', () => resolve('did not start'));
    child.on('exit', (code, signal) => resolve(signal ?? code));
  });
  let end;
  void exited.then((reason) => {
    end = reason;
  });
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  while ((await ask(url, peer.alive, 2000)) !== 200) {
    if (end !== undefined || performance.now() - started > readyWithinMs) {
      killGroup(child.pid);
      throw new DidNotStart(peer.name, end ?? 'no answer', log);
    }
    await pause(20);
  }
  return {
    url,
    port,
    alive: peer.alive,
    exited,
    terminate: () => child.kill('SIGTERM'),
    kill: () => {
      killGroup(child.pid);
      groups.delete(child.pid);
    },
  };
}
