import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { systemClock } from '../../../src/clock.ts';
import { answerPulse } from '../../../src/listen/pulse.ts';
import { startWorkers } from '../../../src/listen/workers.ts';
import { openObserve } from '../../../src/observe/open-observe.ts';

/** A program whose worker answers each request with its process id, and hangs at `/hang`. */
if (cluster.isPrimary) {
  const { emit } = openObserve({ level: 'info', pretty: false }, { clock: systemClock });
  const grant = async () => ({ kind: 'unavailable', retryAfter: 1 }) as const;
  startWorkers({
    count: 1,
    emit,
    clock: systemClock,
    grant,
    onFailure: process.exit,
    pulse: { everyMs: 50, misses: 10 },
  });
} else {
  answerPulse();
  const server = createServer((request, response) => {
    if (request.url === '/hang') for (;;);
    response.end(String(process.pid));
  });
  server.listen(Number(process.argv[2]), '127.0.0.1');
}
