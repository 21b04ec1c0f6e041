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
/** What is handed over at once, by the size of its lines. Only what has to stay whole is counted in bytes. */
const largestBatch = cluster.isWorker ? largestWrite : 48 * 1024;
const sizeOf = (line: string) => (cluster.isWorker ? Buffer.byteLength(line) : line.length);
/** When nothing can be written, lines beyond this are dropped: the log must not fill the memory. */
const mostUnwritten = 16 * 1024 * 1024;

/** Told how many lines were dropped and why, once lines can be written again. */
export type DroppedListener = (lines: number, reason: string) => void;

export interface Output {
  write(line: string): void;
  flush(done: () => void): void;
  /** Why it cannot be written at this time; undefined where it can. */
  trouble(): string | undefined;
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
  let batchSize = 0;
  let isWaiting = false;
  const handOver = () => {
    if (batch !== '') writer.write(batch);
    batch = '';
    batchSize = 0;
  };
  process.on('exit', () => {
    handOver();
    writer.writeNow();
  });
  return {
    write(line) {
      const size = sizeOf(line);
      if (batchSize + size > largestBatch) handOver();
      batch += line;
      batchSize += size;
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
    trouble: writer.trouble,
    onDropped(listener) {
      tell = listener;
    },
  };
}
