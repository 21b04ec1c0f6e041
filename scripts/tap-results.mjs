import { Parser } from 'tap-parser';
import { stringify } from 'yaml';

/**
 * Reads what the test runner reports and says it for people: one line a file, every failure with its place
 * and its difference. A test is what a file calls `test(…)`; assertions inside it are its parts.
 */

/**
 * @param tap the runner's output, a stream of TAP 14
 * @returns the totals, once the stream has ended
 */
export async function reportResults(tap) {
  const totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const parser = new Parser();
  let current;
  parser.on('child', (file) => {
    current = { name: sourceName(file.name), before: { ...totals }, failures: [] };
    watchTests(file, totals);
    watchAssertions(file, current.failures);
  });
  // The runner's verdict on a file as a whole follows its last test.
  parser.on('assert', (verdict) => closeFile(verdict, current, totals));
  parser.on('bailout', (reason) => {
    totals.failed += 1;
    totals.failures.push(`the run was abandoned: ${reason}`);
  });
  const ended = new Promise((resolve) => parser.on('complete', resolve));
  tap.pipe(parser);
  await ended;
  return totals;
}

function watchTests(file, totals) {
  file.on('assert', (test) => {
    if (test.skip || test.todo) totals.skipped += 1;
    else if (test.ok) totals.passed += 1;
    else {
      totals.failed += 1;
      totals.failures.push(nameOf(file.fullname, test.name));
    }
    if (test.skip || test.todo) console.log(`skipped ${nameOf(file.fullname, test.name)}`);
  });
}

/** Collects each failed assertion below a parser, but not the tests around it, which fail only because of it. */
function watchAssertions(parser, failures) {
  let failuresBefore = failures.length;
  parser.on('child', (child) => {
    failuresBefore = failures.length;
    watchAssertions(child, failures);
  });
  parser.on('assert', (assertion) => {
    const explained = failures.length > failuresBefore;
    failuresBefore = failures.length;
    if (assertion.ok || assertion.skip || assertion.todo || explained) return;
    failures.push({ name: nameOf(parser.fullname, assertion.name), details: assertion.diag ?? {} });
    failuresBefore = failures.length;
  });
}

function closeFile(verdict, current, totals) {
  const { name, before, failures } = current;
  const passed = totals.passed - before.passed;
  const failed = totals.failed - before.failed;
  const ran = passed + failed + totals.skipped - before.skipped;
  const broken = ran === 0 || (!verdict.ok && failed === 0);
  const seconds = `${((verdict.time ?? 0) / 1000).toFixed(1)} s`;
  if (!broken && failed === 0) {
    console.log(`ok      ${name} (${passed}, ${seconds})`);
    return;
  }
  console.log(`FAILED  ${name} (${failed} of ${ran}, ${seconds})`);
  for (const failure of failures) console.log(describe(failure));
  if (!broken) return;
  const { exitCode, signal } = verdict.diag ?? {};
  const reason = verdict.ok ? 'it holds no test' : `it ended with ${signal ?? `exit code ${exitCode}`}`;
  console.log(`  ✗ ${reason}${verdict.ok ? '' : ' outside of its tests'}`);
  totals.failed += 1;
  totals.failures.push(`${name}: ${reason}`);
}

/** How many lines of one failure are shown: the first ones tell, and the names must stay in sight. */
const longest = 60;

function describe({ name, details }) {
  // `source` repeats the code, `at` the first line of the stack.
  const { diff, stack, at, source: _, ...others } = details;
  const ownStack = stack?.split('\n').filter((line) => !line.includes('node_modules/'));
  const lines = [
    ...(diff ?? '').split('\n'),
    ...(Object.keys(others).length > 0 ? stringify(others).split('\n') : []),
    ...(ownStack ?? [at?.fileName ? `${at.fileName}:${at.lineNumber}` : '']),
  ];
  const indented = lines.filter((line) => line !== '').map((line) => `      ${line}`);
  const left = indented.splice(longest).length;
  if (left > 0) indented.push(`      … and ${left} lines more`);
  return [`  ✗ ${name}`, ...indented].join('\n');
}

function nameOf(path, name) {
  const [file, ...tests] = path.split(' > ');
  return [sourceName(file), ...tests, name].filter(Boolean).join(' > ');
}

/** `dist/test/x.test.js` is what ran; `test/x.test.ts` is what people open. */
function sourceName(file) {
  return file.replace(/^dist\/(.*)\.js$/, '$1.ts');
}
