import cluster from 'node:cluster';
import { type DestinationStream, pino } from 'pino';

/** A line waits at most so long for others that are written along with it. */
const longestWaitMs = 50;
/**
 * Lines are written together up to this many bytes. Workers write to one pipe, where a write of up to 4 KiB
 * (PIPE_BUF) stays in one piece.
 */
const largestWrite = cluster.isWorker ? 4096 : 32 * 1024;
/** Characters that are handed over at once; none takes more than three bytes, so this many fit into one write. */
const largestBatch = Math.floor(largestWrite / 3);
/** When nobody reads the output, lines beyond this are dropped: the log must not fill the memory. */
const mostUnwritten = 16 * 1024 * 1024;

export interface Output extends DestinationStream {
  flush(done: (error?: Error) => void): void;
}

let output: Output | undefined;

/**
 * Standard output, written to in the background and in few system calls, where one for each line would hold up
 * every request. What is still unwritten when the process ends is written then. There is one for all logs.
 */
export function standardOutput(): Output {
  output ??= openOutput();
  return output;
}

function openOutput(): Output {
  const written = pino.destination({
    dest: 1,
    sync: false,
    minLength: largestWrite - 1024,
    maxWrite: largestWrite,
    maxLength: mostUnwritten,
  });
  // The destination counts the bytes of all that it is given, which for single lines costs more than to make them.
  let batch = '';
  let isWaiting = false;
  const handOver = () => {
    if (batch !== '') written.write(batch);
    batch = '';
  };
  process.on('exit', () => {
    handOver();
    written.flushSync();
  });
  return {
    write(line) {
      if (batch.length + line.length > largestBatch) handOver();
      batch += line;
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(() => {
        isWaiting = false;
        handOver();
        written.flush();
      }, longestWaitMs);
    },
    flush(done) {
      handOver();
      written.flush(done);
    },
  };
}
