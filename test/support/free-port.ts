import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenOnLoopback } from './listening.ts';

/**
 * Below those that Linux gives to whoever asks for any port, or connects from one; and so are those of Redis Cluster,
 * which takes the port that lies 10,000 above as well.
 */
const firstPort = 12_000;
const lastPort = 22_000;
const attempts = 200;

/** A file for each port that is taken, with the process that took it. */
const folder = join(tmpdir(), 'sallyport-ports');
const mine = new Set<string>();

process.once('exit', () => {
  for (const file of mine) rmSync(file, { force: true });
});

/**
 * A port of 127.0.0.1 for a program that has to be told one. It stays this process's until that ends: no other test
 * gets it, whether the program has begun to listen or is being started again.
 */
export async function freePort(): Promise<number> {
  mkdirSync(folder, { recursive: true });
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (take(port) && (await isFree(port))) return port;
  }
  throw new Error(`no port from ${firstPort} to ${lastPort} is free; ${folder} says who has them`);
}

function take(port: number): boolean {
  const file = join(folder, String(port));
  for (const _ of ['as it is', 'after one that is gone']) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      mine.add(file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isHeld(file)) return false;
      rmSync(file, { force: true });
    }
  }
  return false;
}

/** Whether the process that took it is there; one that was just made may be empty still. */
function isHeld(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isFree(port: number): Promise<boolean> {
  try {
    const { close } = await listenOnLoopback(createServer(), 'tcp', port);
    await close();
    return true;
  } catch {
    return false;
  }
}
