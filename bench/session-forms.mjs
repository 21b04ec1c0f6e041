// What sessions cost in each of their forms, in processor time, side by side: to seal one (a login does), to open one (a
// request whose cookie is not remembered does), and both (a refresh). A ratio below 1 says that form 2 costs less.
// `npm run build && node bench/session-forms.mjs`; with `--gateway` it measures whole logins and refreshes at gateways.
import { randomBytes } from 'node:crypto';
import { createKeyRing } from '../dist/src/session/key-ring.js';
import { openSession, sealSession } from '../dist/src/session/sealed-session.js';
import { sessionWith } from '../dist/test/support/token-session.js';
import { tokenSets } from '../dist/test/support/token-sets.js';

const rounds = 15;
const times = 300;
const forms = [1, 2];
const { session: keys } = createKeyRing([randomBytes(32)]);

/** Microseconds of processor time for one. */
function costOf(work) {
  const before = process.cpuUsage();
  for (let count = 0; count < times; count++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

const write = (form, session) => sealSession(form, session, keys[0], 'session', 's');
const works = {
  login: (form, session) => () => write(form, session),
  'uncached request': (_form, _session, sealed) => () => openSession(sealed, keys, 'session', 's'),
  refresh: (form, _session, sealed) => () => write(form, openSession(sealed, keys, 'session', 's').session),
};

if (process.argv.includes('--gateway')) await atGateways();
else printTable();

function printTable() {
  console.log(`| tokens of | ${Object.keys(works).join(' | ')} |\n| --- | ${'--- | '.repeat(3).trim()}`);
  for (const set of Object.keys(tokenSets)) {
    const session = sessionWith(set);
    const cells = Object.values(works).map((work) => {
      const all = forms.map((form) => ({ run: work(form, session, write(form, session)), costs: [] }));
      for (const { run } of all) costOf(run);
      for (let round = 0; round < rounds; round++) for (const each of all) each.costs.push(costOf(each.run));
      // What else a machine does makes a round dearer, and never cheaper.
      const [before, now] = all.map(({ costs }) => Math.min(...costs));
      return `${before.toFixed(0)} → ${now.toFixed(0)} µs, ${(now / before).toFixed(2)}`;
    });
    console.log(`| ${set} | ${cells.join(' | ')} |`);
  }
}

/** Whole logins and refreshes, with all that they take. */
async function atGateways() {
  const { startParties } = await import('./parties.mjs');
  const { measureLogins, measureRefreshes } = await import('./measure/slow-paths.mjs');
  const { cookieStore, formBefore } = await import('./subjects/sallyport.mjs');
  const parties = await startParties();
  for (const [what, measure] of Object.entries({ login: measureLogins, refresh: measureRefreshes })) {
    const costs = new Map([
      [formBefore, []],
      [cookieStore, []],
    ]);
    for (let round = 0; round < 4; round++)
      for (const [subject, all] of costs) all.push((await measure(parties, 4, subject)).cpuUs);
    const [before, now] = [...costs.values()].map((all) => Math.min(...all));
    console.log(`a whole ${what}: ${before.toFixed(0)} → ${now.toFixed(0)} µs, ${(now / before).toFixed(2)}`);
  }
  await parties.stop();
}
