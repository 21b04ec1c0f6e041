import { parseArgs } from 'node:util';
import { build, installDependencies } from './prepare.mjs';

/**
 * `npm run rolling`: restarts two instances in turn behind HAProxy while somebody with a session sends requests, and
 * says how many of these failed. `-- --delay=0s` shows what happens when nobody has time to notice.
 */
const { values } = parseArgs({
  options: {
    restarts: { type: 'string', default: '5' },
    rate: { type: 'string', default: '300' },
    delay: { type: 'string', default: '5s' },
    workers: { type: 'string', default: '1' },
  },
});

installDependencies();
build(['src', 'test']);
const { rollInstances } = await import('../dist/test/support/rolling.js');

const { requests, failures, longestMs, restarts } = await rollInstances({
  restarts: Number(values.restarts),
  perSecond: Number(values.rate),
  delay: values.delay,
  workers: Number(values.workers),
  say: (line) => console.error(line),
});
for (const failure of failures.slice(0, 20)) console.error(failure);
console.log(
  `shutdown.delay ${values.delay}, workers ${values.workers}: ${restarts} restarts, ${requests} requests ` +
    `(${values.rate} a second), ${failures.length} failed, the longest took ${longestMs} ms`,
);
process.exit(failures.length === 0 ? 0 : 1);
