import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, installDependencies, root } from './prepare.mjs';

/**
 * `npm run conformance -- SUITE --mongodb=ADDRESS`: runs the plans of the OpenID Foundation's conformance suite for
 * relying parties against this gateway, and prints their table. SUITE is a folder in which it was built, or its jar.
 * docs/conformance.md says how to get one.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mongodb: { type: 'string' },
    java: {
      type: 'string',
      default: process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin/java') : 'java',
    },
    plans: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    modules: { type: 'string' },
    again: { type: 'boolean', default: false },
    logs: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const [suite, ...others] = positionals;
const jar =
  suite && statSync(suite, { throwIfNoEntry: false })?.isDirectory()
    ? join(suite, 'target/fapi-test-suite.jar')
    : suite;
if (!jar || others.length > 0 || !values.mongodb) {
  console.error('Usage: npm run conformance -- SUITE --mongodb=mongodb://HOST:PORT/NAME [--java=PROGRAM]');
  console.error(
    '       [--plans=basic,fapi] [--modules=PATTERN] [--jobs=2] [--again] [--logs=FOLDER] [--write]',
  );
  process.exit(2);
}
if (!existsSync(jar)) {
  console.error(`There is no ${jar}. docs/conformance.md says how the suite is built.`);
  process.exit(2);
}

installDependencies();
build(['src', 'test']);
const { runConformance, withTable } = await import('../dist/test/conformance/run.js');

const { table, isGood } = await runConformance({
  jar,
  java: values.java,
  mongodb: values.mongodb,
  plans: values.plans === '' ? [] : values.plans.split(','),
  jobs: Number(values.jobs),
  only: values.modules === undefined ? undefined : new RegExp(values.modules),
  again: values.again,
  folder: values.logs,
  say: (line) => console.error(line),
  // A run is long: what there is of the table is worth keeping.
  soFar: (table) => values.logs && writeFileSync(join(values.logs, 'table.md'), `${table}\n`),
});
console.log(table);
if (values.write) {
  const page = join(root, 'docs/conformance.md');
  writeFileSync(page, await withTable(page, table));
}
process.exit(isGood ? 0 : 1);
