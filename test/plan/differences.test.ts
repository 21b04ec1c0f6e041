import fc from 'fast-check';
import { test } from 'tap';
import { tellDifferences } from '../../src/plan/differences/tell.ts';
import { type Differences, differencesOf, isSameForAll } from '../../src/plan/differences.ts';
import {
  type Answered,
  type Asking,
  answerOf,
  asking,
  documentOf,
  hasOddPath,
  isMeant,
  neighbour,
  planOf,
  world,
} from './differences-world.ts';

/** Pairs of configurations, and requests to each. */
const runs = 150;
const requests = 150;

const pair = world.chain((from) =>
  fc.tuple(
    fc.constant(from),
    neighbour(from),
    fc.array(asking, { minLength: requests, maxLength: requests }),
  ),
);

/** Whether the differences say that somebody gained, or lost, what this request shows. */
function isTold(
  { routes, oddPaths }: Differences,
  { host, path }: Asking,
  way: 'gained' | 'lost',
  [before, after]: [Answered, Answered],
): boolean {
  const access = way === 'gained' ? 'widened' : 'narrowed';
  const told = routes.some(
    (each) =>
      (each.access === access || each.access === 'changed') &&
      each.shifts.some(
        (shift) =>
          shift.before === before.taker &&
          shift.after === after.taker &&
          (shift.isUndecided ||
            shift[way].some((people) => isMeant(people, way === 'gained' ? after : before))),
      ),
  );
  return told || (hasOddPath(path) && oddPaths.length > 0 && host !== '');
}

test(`whoever passes by one plan and not by the other is told of, in ${runs} pairs with ${requests} requests each`, (t) => {
  const counts = { compared: 0, alike: 0, gained: 0, lost: 0 };
  fc.assert(
    fc.property(pair, ([from, to, askings]) => {
      const [before, after] = [planOf(documentOf(from)), planOf(documentOf(to))];
      fc.pre(before !== undefined && after !== undefined);
      if (!before || !after) return;
      const differences = differencesOf(before, after);
      const back = differencesOf(after, before);
      JSON.parse(JSON.stringify(differences));
      for (const one of askings) {
        const answers: [Answered, Answered] = [answerOf(before, one), answerOf(after, one)];
        counts.compared += 1;
        if (answers[0].passes === answers[1].passes) {
          counts.alike += 1;
          continue;
        }
        const way = answers[1].passes ? 'gained' : 'lost';
        counts[way] += 1;
        const about = () => JSON.stringify({ one, answers, told: tellDifferences(differences) }, null, 1);
        if (!isTold(differences, one, way, answers)) throw new Error(`not told: ${about()}`);
        const opposite = way === 'gained' ? 'lost' : 'gained';
        if (!isTold(back, one, opposite, [answers[1], answers[0]]))
          throw new Error(`not told back: ${about()}`);
      }
    }),
    { numRuns: runs, endOnFailure: true },
  );
  t.comment(counts);
  t.ok(counts.gained > 50 && counts.lost > 50, 'both were seen');
  t.end();
});

test('the same file has no differences, in any order and spelling', (t) => {
  fc.assert(
    fc.property(world, (one) => {
      const document = documentOf(one);
      const plan = planOf(document);
      fc.pre(plan !== undefined);
      const turned = planOf({ ...document, routes: [...(document.routes as unknown[])].reverse() });
      if (!plan || !turned) throw new Error('a file does not depend on the order of its routes');
      const differences = differencesOf(plan, turned, { fixed: ['workers', 'admin'] });
      const told = JSON.stringify({ differences, document });
      if (!isSameForAll(differences) || differences.consequences.length > 0) throw new Error(told);
      if (tellDifferences(differences).join() !== 'nothing changes') throw new Error(told);
    }),
    { numRuns: 60 },
  );
  t.end();
});
