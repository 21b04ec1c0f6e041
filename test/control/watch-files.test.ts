import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { watchFiles } from '../../src/control/watch-files.ts';
import { openFiles } from '../../src/files.ts';
import { createWoundClock } from '../support/clock.ts';

function arrange(t: Test, names: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-watch-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const paths = names.map((name) => join(folder, name));
  const clock = createWoundClock();
  let changes = 0;
  const start = () => {
    const watch = watchFiles(
      () => paths,
      clock,
      () => changes++,
    );
    t.teardown(watch.close);
    return watch;
  };
  const look = (times: number) => {
    for (let time = 0; time < times; time++) clock.wind(1000);
    return changes;
  };
  return { folder, paths, start, look };
}

test('a file that is written is told of once, when it has settled', async (t) => {
  const { paths, start, look } = arrange(t, ['a.yaml']);
  const [file = ''] = paths;
  writeFileSync(file, 'one');
  const watch = start();
  t.equal(look(3), 0, 'nothing has changed');
  writeFileSync(file, 'two, half of it');
  t.equal(look(1), 0, 'it may still be written');
  writeFileSync(file, 'two, and the rest of it');
  t.equal(look(1), 0, 'it was');
  t.equal(look(1), 1);
  t.equal(look(5), 1);
  writeFileSync(file, 'three, which somebody else reads');
  watch.seen();
  t.equal(look(5), 1, 'what was seen is no change');
  watch.close();
  writeFileSync(file, 'four, and nobody looks');
  t.equal(look(5), 1);
});

test('the symbolic links of a mounted secret are swapped', async (t) => {
  const { folder, paths, start, look } = arrange(t, ['secret']);
  const version = async (name: string, text: string) => {
    await mkdir(join(folder, name));
    writeFileSync(join(folder, name, 'secret'), text);
    symlinkSync(name, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await version('..1', 'same');
  symlinkSync(join('..data', 'secret'), paths[0] as string);
  start();
  t.equal(look(2), 0);
  await version('..2', 'same');
  t.equal(look(2), 1, 'of the same size and text, and another file all the same');
});

test('a file that goes away and one that comes are changes, and one that is named later is none', async (t) => {
  const { folder, paths, start, look } = arrange(t, ['a.yaml', 'not there yet']);
  const [file = '', missing = ''] = paths;
  writeFileSync(file, 'one');
  start();
  writeFileSync(missing, 'there');
  t.equal(look(2), 1);
  unlinkSync(file);
  t.equal(look(2), 2);
  const later = join(folder, 'later');
  writeFileSync(later, 'it is there from the beginning');
  paths.push(later);
  t.equal(look(3), 2);
  writeFileSync(later, 'and changes');
  t.equal(look(2), 3);
});

test('what changes between being read and the first look is told of', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-watch-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  for (const path of [first, second]) writeFileSync(path, 'as it is read');
  const files = openFiles();
  files.read(first);
  writeFileSync(first, 'changed while the gateway starts');
  const clock = createWoundClock();
  let changes = 0;
  const watch = watchFiles(files.paths, clock, () => changes++, files.markOf);
  t.teardown(watch.close);
  for (let time = 0; time < 2; time++) clock.wind(1000);
  t.equal(changes, 1);
  for (let time = 0; time < 5; time++) clock.wind(1000);
  t.equal(changes, 1, 'once');

  files.read(second);
  writeFileSync(second, 'changed ahead of the first look at it');
  for (let time = 0; time < 2; time++) clock.wind(1000);
  t.equal(changes, 2);
  for (let time = 0; time < 5; time++) clock.wind(1000);
  t.equal(changes, 2, 'once');
});
