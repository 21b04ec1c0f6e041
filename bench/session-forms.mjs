// What sessions cost in each of their forms, in processor time, side by side: to seal one (a login does), to open one (a
// request whose cookie is not remembered does), and both (a refresh). A ratio below 1 says that form 2 costs less.
// `npm run build && node bench/session-forms.mjs`; with `--gateway` it measures whole logins and refreshes at gateways, and
// with `--before=FOLDER` those of another version, which stands compiled in that folder, beside those of this one.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createKeyRing } from '../dist/src/session/key-ring.js';
import { openSession, sealSession } from '../dist/src/session/sealed-session.js';
import { sessionWith } from '../dist/test/support/token-session.js';
import { tokenSets } from '../dist/test/support/token-sets.js';

const { values } = parseArgs({
  options: {
    gateway: { type: 'boolean' },
    before: { type: 'string' },
    rounds: { type: 'string', default: '8' },
  },
});

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

const write = (form, session) => sealSession(form, session, keys[0], 'session', 's').sealed;
const works = {
  login: (form, session) => () => write(form, session),
  'uncached request': (_form, _session, sealed) => () => openSession(sealed, keys, 'session', 's'),
  refresh: (form, _session, sealed) => () => write(form, openSession(sealed, keys, 'session', 's').session),
};

if (values.gateway || values.before) await atGateways();
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
  const { leaveProxyCore } = await import('./machine.mjs');
  const { measureLogins, measureRefreshes } = await import('./measure/slow-paths.mjs');
  const { meanRatio, median } = await import('./statistics.mjs');
  const { builtIn, cookieStore, formBefore } = await import('./subjects/sallyport.mjs');
  leaveProxyCore();
  const subjects = [values.before ? builtIn('before', values.before) : formBefore, cookieStore];
  const parties = await startParties();
  for (const [what, measure] of Object.entries({ login: measureLogins, refresh: measureRefreshes })) {
    const all = subjects.map(() => []);
    for (let round = 0; round < Number(values.rounds); round++)
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0])
        all[at].push((await measure(parties, 4, subjects[at])).cpuUs);
    const [before, now] = all;
    const { mean, from, to } = meanRatio(now.map((cost, round) => cost / before[round]));
    const [was, is] = [median(before), median(now)].map((cost) => `${cost.toFixed(0)} µs`);
    const range = `95 %: ${from.toFixed(2)} to ${to.toFixed(2)}`;
    console.log(`a whole ${what}: ${was} before, ${is} now, ${mean.toFixed(2)} (${range})`);
  }
  await parties.stop();
}
