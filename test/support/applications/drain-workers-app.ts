import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { systemClock } from '../../../src/clock.ts';
import { onDrain } from '../../../src/listen/farewell.ts';
import { startWorkers } from '../../../src/listen/workers.ts';
import { openObserve } from '../../../src/observe/open-observe.ts';

/** A program whose worker says whether it drains; the primary has it drain at SIGUSR2. */
if (cluster.isPrimary) {
  const { emit } = openObserve({ level: 'info', pretty: false }, { clock: systemClock });
  const grant = async () => ({ kind: 'unavailable', retryAfter: 1 }) as const;
  const workers = startWorkers({ count: 1, emit, clock: systemClock, grant, onFailure: process.exit });
  process.on('SIGUSR2', () => workers.drain());
} else {
  let says = 'serves';
  onDrain(() => {
    says = 'drains';
  });
  const server = createServer((request, response) => {
    if (request.url === '/end') process.exit(3);
    response.setHeader('connection', 'close');
    response.end(`${process.pid} ${says}`);
  });
  server.listen(Number(process.argv[2]), '127.0.0.1');
}
