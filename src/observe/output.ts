import cluster from 'node:cluster';
import type { Clock } from '../clock.ts';
import { createBackgroundWriter } from './background-writer.ts';

/** A line waits at most so long for others that are written along with it. */
const longestWaitMs = 50;
/**
 * Lines are written together up to this many bytes: each system call wakes a thread of Node's, for much more than it
 * takes to write. A pipe takes 64 KiB at a time. Workers write to one pipe, where a write of up to 4 KiB (PIPE_BUF)
 * stays in one piece.
 */
const largestWrite = cluster.isWorker ? 4096 : 64 * 1024;
/** Characters that are handed over at once. None takes more than three bytes, so what has to stay whole does. */
const largestBatch = cluster.isWorker ? Math.floor(largestWrite / 3) : 48 * 1024;
/** When nothing can be written, lines beyond this are dropped: the log must not fill the memory. */
const mostUnwritten = 16 * 1024 * 1024;

/** Told how many lines were dropped and why, once lines can be written again. */
export type DroppedListener = (lines: number, reason: string) => void;

export interface Output {
  write(line: string): void;
  flush(done: () => void): void;
  /** Names who is told of dropped lines; the last one named counts. */
  onDropped(listener: DroppedListener): void;
}

/**
 * Standard output, written to in the background and in few system calls, where one for each line would hold up
 * every request. What is still unwritten when the process ends is written then, as far as that needs no waiting.
 */
export function openOutput(clock: Clock): Output {
  let tell: DroppedListener = () => {};
  const writer = createBackgroundWriter(1, {
    clock,
    largestWrite,
    mostWaiting: mostUnwritten,
    onDropped: (lines, reason) => tell(lines, reason),
  });
  let batch = '';
  let isWaiting = false;
  const handOver = () => {
    if (batch !== '') writer.write(batch);
    batch = '';
  };
  process.on('exit', () => {
    handOver();
    writer.writeNow();
  });
  return {
    write(line) {
      if (batch.length + line.length > largestBatch) handOver();
      batch += line;
      if (isWaiting) return;
      isWaiting = true;
      clock.after(longestWaitMs, () => {
        isWaiting = false;
        handOver();
      });
    },
    flush(done) {
      handOver();
      writer.flush(done);
    },
    onDropped(listener) {
      tell = listener;
    },
  };
}
