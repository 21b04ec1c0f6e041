import fc from 'fast-check';
import { test } from 'tap';
import { type Demand, uncovered } from '../../src/access/cover.ts';
import { demandsOf } from '../../src/access/passing.ts';
import { type AllowRule, compileRule } from '../../src/access/rule.ts';
import { allowRule } from '../../src/config/schema/access.ts';
import { allow, subject } from './world.ts';

const read = (written: unknown): AllowRule => allowRule().parse(written);
const reading = { origins: new Set<string>(), rename: (name: string) => name };
const access = { unauthenticated: '401', preflight: 'check', csrf: 'off' } as const;

/** What a rule demands of whoever sends this. */
const demandsBy = (rule: AllowRule, who: 'nobody' | 'session' | 'client'): Demand[] =>
  demandsOf({ ...access, allow: rule }, { who }, {}, reading);

test('whoever one rule lets pass and another does not is in what is left, whatever the budget', (t) => {
  let seen = 0;
  fc.assert(
    fc.property(
      fc.tuple(allow, allow).map(([one, other]) => [read(one), read(other)] as const),
      fc.array(subject, { minLength: 30, maxLength: 30 }),
      fc.constantFrom(3, 30, 100_000),
      ([one, other], subjects, left) => {
        for (const each of subjects) {
          const [passes, passed] = [one, other].map((rule) => compileRule(rule)(each).kind === 'allow');
          if (!passes || passed) continue;
          seen += 1;
          const who = each.person === undefined ? 'nobody' : each.person.bearer ? 'client' : 'session';
          const others = demandsBy(other, who);
          const rest = demandsBy(one, who).flatMap((demand) => uncovered(demand, others, { left }));
          if (rest.length === 0) throw new Error(JSON.stringify({ each, one, other }));
        }
      },
    ),
    { numRuns: 500 },
  );
  t.ok(seen > 100, `${seen} were seen`);
  t.end();
});

test('a rule leaves nothing of itself, however it is written', (t) => {
  fc.assert(
    fc.property(allow, (written) => {
      const rule = read(written);
      // Each value of a list as an alternative of its own.
      const split = Array.isArray(rule) ? [...rule].reverse().flatMap(alternatives) : rule;
      for (const who of ['nobody', 'session', 'client'] as const) {
        for (const [one, other] of [
          [rule, split],
          [split, rule],
        ] as const) {
          const others = demandsBy(other, who);
          const rest = demandsBy(one, who).flatMap((each) => uncovered(each, others, { left: 1_000_000 }));
          if (rest.length > 0) throw new Error(JSON.stringify({ one, other, rest }));
        }
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

/** The same alternative, once for each value of its first list. */
function alternatives<Each extends object>(given: Each): Each[] {
  const [found] = Object.entries(given).filter(([, value]) => Array.isArray(value));
  if (!found) return [given];
  const [name, values] = found;
  return (values as unknown[]).map((value) => ({ ...given, [name]: [value] }));
}
