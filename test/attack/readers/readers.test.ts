import { test } from 'tap';
import { compose, findHoles } from './hunt.ts';
import { readers } from './programs/all.ts';
import { readTargets } from './reader.ts';
import { describe, smallestForms } from './shrink.ts';

/** A few thousand here; `npm run readers` does more. */
const composed = compose(1, 4000);

for (const reader of readers) {
  test(`${reader.name} serves nothing that the rule of its own reading forbids`, async (t) => {
    const program = await reader.start();
    t.teardown(() => program.stop());
    const [plain, folder] = await readTargets(program, ['/pub/admin/f', '/pub/admin/']);
    for (const { name } of program.mouths) {
      const places = [...(plain ?? []), ...(folder ?? [])].filter(([reading]) => reading.startsWith(name));
      t.ok(places.length > 0, `${name} answers`);
      for (const [reading, place] of places) t.match(place, /^\/pub\/admin/, `${reading} reads a plain path`);
    }
    const holes = await findHoles(program, composed.passing);
    const findings = await smallestForms(program, holes, 5);
    t.equal(holes.length, 0, `no hole in ${composed.total} paths`);
    t.strictSame(findings.map(describe), []);
  });
}

test('the paths of these tests are of both kinds: some are refused, and many pass', async (t) => {
  t.ok(composed.refused > composed.total / 10, `${composed.refused} refused`);
  t.ok(composed.passing.length > composed.total / 10, `${composed.passing.length} pass`);
});
