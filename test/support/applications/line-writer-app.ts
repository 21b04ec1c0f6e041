import { systemClock } from '../../../src/clock.ts';
import { openLineFile } from '../../../src/observe/line-file.ts';

/** Appends so many lines of a name to a file, and says when it cannot: `PATH NAME LINES`. */
const [path = '', name = '', lines = '0'] = process.argv.slice(2);
// What it waits for is no reason to stay.
const stay = setInterval(() => {}, 1000);
const file = openLineFile(path, {
  clock: systemClock,
  mostWaiting: 64 * 1024 * 1024,
  onFailing: (reason) => console.log(`failing ${reason}`),
  onWorking: () => {},
});
for (let number = 0; number < Number(lines); number++) file.write(`${name} ${number} ${'x'.repeat(300)}\n`);
file.flush(() => clearInterval(stay));
