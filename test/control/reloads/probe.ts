import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into a gateway that is measured. At SIGUSR2 it collects its garbage, and says what is left.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collectGarbage();
  collectGarbage();
  writeSync(
    1,
    `${JSON.stringify({ level: 'info', msg: 'measured', heap: process.memoryUsage().heapUsed })}\n`,
  );
});
