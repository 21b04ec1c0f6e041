import { parseArgs } from 'node:util';
import { build, installDependencies } from './prepare.mjs';

/**
 * Asks programs that read paths what they make of every path that the gateway lets pass, over random route
 * tables: `npm run readers -- --compositions=200000 --seed=7`; `--only=nginx,Tomcat` starts only those. Prints the
 * totals of each reader and the smallest form of the holes; ends with 1 when there is one.
 */
const { values } = parseArgs({
  options: {
    compositions: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
installDependencies();
build(['src', 'test']);
const { hunt } = await import('../dist/test/attack/readers/run.js');
// Each program that runs is watched for its end.
process.setMaxListeners(40);
const only = values.only?.split(',').map((name) => name.toLowerCase());
const holes = await hunt(Number(values.compositions), Number(values.seed), only, console.log);
process.exitCode = holes > 0 ? 1 : 0;
