import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import type { Echo } from '../support/upstream.ts';
import { valuesOf } from '../support/upstream.ts';
import { everyday, signIn, tryEveryday } from './everyday.ts';
import { arrangeFront } from './front-scene.ts';
import type { Front } from './fronts/front.ts';
import { checkSpellings } from './spellings.ts';
import { checkSpoofing } from './spoofing.ts';

/** Whether a front with our file does what people do every day; what it cannot is named as its limit. */
export async function checkEveryday(t: Test, front: Front): Promise<void> {
  const scene = await arrangeFront(t, front);
  const people = await signIn(scene);
  t.teardown(() => {
    for (const client of [people.grace, people.crowd, people.stranger]) client.close();
  });
  const cells = await tryEveryday(scene, people);
  const limits = front.limits ?? {};
  for (const row of Object.keys(limits)) t.ok(row in everyday, `${row} is a row`);
  const said = Object.fromEntries(
    Object.entries(cells).map(([row, cell]) => {
      const limit = limits[row];
      if (limit === undefined) t.equal(cell, true, row);
      else t.not(cell, true, `${row}: the limit is none any more`);
      return [row, limit ?? (cell === true ? 'yes' : 'no')];
    }),
  );
  // `npm run fronts` makes a table of it.
  const folder = process.env.FRONTS_RESULTS;
  if (folder === undefined) return;
  const { name } = front;
  await writeFile(
    join(folder, `${name}.json`),
    JSON.stringify({ name, version: front.version(), cells: said }),
  );
}

/** Whether somebody gets a token, or an identity that is not theirs, through a front with our file. */
export async function checkAttacks(t: Test, front: Front): Promise<void> {
  const scene = await arrangeFront(t, front);
  const grace = createClient();
  t.teardown(() => grace.close());
  const last = await logIn(grace, scene.publicUrl, 'grace', { path: '/report' });
  const [bearer = ''] = valuesOf((last.json() as Echo).rawHeaders, 'authorization');
  const token = bearer.replace('Bearer ', '');
  if (token === '') throw new Error('the application got no token');
  const cookie = async () => {
    await grace.get(`${scene.publicUrl}/report`);
    return grace.cookies.headerFor(scene.publicUrl) ?? '';
  };
  const fresh = await cookie();
  await checkSpoofing(t, scene, () => fresh);
  await cookie();
  await checkSpellings(t, scene, grace, token);
}
