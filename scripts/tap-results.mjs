import { Parser } from 'tap-parser';
import { stringify } from 'yaml';

/**
 * Reads what a test file reports in TAP and says it for people: one line a file, every failure with its place
 * and its difference. A test is what a file calls `test(…)`; assertions inside it are its parts.
 */

/** Totals to begin with. */
export function noResults() {
  return { passed: 0, failed: 0, skipped: 0, failures: [] };
}

/**
 * Says how a file ended, and adds it to the totals.
 * @param file what the runner tells: `tap` is a text in TAP 14
 */
export function reportFile({ file, tap, code, signal, ms }, totals) {
  const name = sourceName(file);
  const before = { ...totals };
  const failures = [];
  const parser = new Parser({ name: file });
  watchTests(parser, totals);
  watchAssertions(parser, failures);
  parser.on('bailout', (reason) => {
    totals.failed += 1;
    totals.failures.push(`${name}: it was abandoned: ${reason}`);
  });
  parser.end(tap);
  // A file without a test writes nothing, which is no TAP.
  const ok = code === 0 && (parser.ok || tap.length === 0);
  closeFile({ ok, code, signal, ms }, { name, before, failures }, totals);
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

function closeFile({ ok, code, signal, ms }, { name, before, failures }, totals) {
  const passed = totals.passed - before.passed;
  const failed = totals.failed - before.failed;
  const ran = passed + failed + totals.skipped - before.skipped;
  const broken = ran === 0 || (!ok && failed === 0);
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (!broken && failed === 0) {
    console.log(`ok      ${name} (${passed}, ${seconds})`);
    return;
  }
  console.log(`FAILED  ${name} (${failed} of ${ran}, ${seconds})`);
  for (const failure of failures) console.log(describe(failure));
  if (!broken) return;
  const reason = ok ? 'it holds no test' : `it ended with ${signal ?? `exit code ${code}`}`;
  console.log(`  ✗ ${reason}${ok ? '' : ' outside of its tests'}`);
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
