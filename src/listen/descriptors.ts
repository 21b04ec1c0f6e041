import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import type { Clock, Timer } from '../clock.ts';
import type { Emit } from '../observe/events.ts';

/** Descriptors that are kept for files, name servers, the provider and the store. */
const keptForOthers = 64;
/** A connection of a client often has one of an upstream beside it. */
const perConnection = 2;
/** So often it is said that connections are turned away, in milliseconds. */
const sayEveryMs = 10_000;

/** The number of files that this process may have open; undefined where nobody says. */
function openFilesLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * Turns new connections away before the descriptors of the process run out, so that those which are open can still
 * reach their upstream, and says so.
 */
export function keepDescriptors(server: Server, emit: Emit, clock: Clock, limit = openFilesLimit()): void {
  if (limit === undefined) return;
  const most = Math.max(1, Math.floor((limit - keptForOthers) / perConnection));
  server.maxConnections = most;
  let dropped = 0;
  let timer: Timer | undefined;
  const say = () => {
    timer = undefined;
    if (dropped === 0) return;
    emit({ kind: 'connections-turned-away', dropped, connections: most, openFiles: limit });
    dropped = 0;
    timer = clock.after(sayEveryMs, say).unref();
  };
  server.on('drop', () => {
    dropped += 1;
    if (timer === undefined) timer = clock.after(0, say).unref();
  });
}
