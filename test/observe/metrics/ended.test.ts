import { test } from 'tap';
import { createCounting } from '../../../src/control/counting.ts';
import { renderMetrics } from '../../../src/observe/metrics/exposition.ts';
import type { MetricValues } from '../../../src/observe/metrics/series.ts';
import { readScrape } from './scrape.ts';

const metric = (
  type: string,
  name: string,
  value: number,
  together: MetricValues['together'] = 'sum',
): MetricValues => ({ name, help: 'x', type, together, values: [[`${name}{route="/"}`, value]] });

const counted = (value: number) => [metric('counter', 'a_total', value), metric('gauge', 'open', value)];

function readAll(processes: readonly (readonly MetricValues[])[]) {
  return Object.fromEntries(readScrape(renderMetrics(processes, 'prometheus').text));
}

test('what a worker had counted stays when it ends, and what was open with it does not', async (t) => {
  const counting = createCounting();
  const [one, other] = [counting.open(), counting.open()];
  one.last(counted(5));
  one.last(counted(7));
  other.last(counted(2));
  t.strictSame(readAll(counting.all()), { 'a_total{route="/"}': 9, 'open{route="/"}': 9 });
  one.end();
  t.strictSame(readAll(counting.all()), { 'a_total{route="/"}': 9, 'open{route="/"}': 2 });
  // Said too late, and once more.
  one.last(counted(100));
  one.end();
  t.strictSame(readAll(counting.all()), { 'a_total{route="/"}': 9, 'open{route="/"}': 2 });
});

test('however many workers have ended, they are one', async (t) => {
  const counting = createCounting();
  for (let worker = 0; worker < 500; worker++) {
    const counts = counting.open();
    counts.last(counted(1));
    counts.end();
  }
  t.equal(counting.all().length, 1);
  t.strictSame(readAll(counting.all()), { 'a_total{route="/"}': 500 });
});

test('a target is up where it is for all of them', async (t) => {
  const up = (value: number) => [metric('gauge', 'up', value, 'min')];
  t.strictSame(readAll([up(1), up(0), up(1)]), { 'up{route="/"}': 0 });
});

test('where another configuration counts otherwise, nothing of before is mixed in', async (t) => {
  const counting = createCounting();
  const [one, other] = [counting.open(), counting.open()];
  for (const each of [one, other]) each.last(counted(3));
  one.end();
  counting.clear();
  t.strictSame(readAll(counting.all()), {});
  other.last(counted(1));
  t.strictSame(readAll(counting.all()), { 'a_total{route="/"}': 1, 'open{route="/"}': 1 });
});
