// How long a look-up in the route table takes with 5 and with 5,000 routes: `npm run build && node bench/route-lookup.mjs`.
import { parseConfig } from '../dist/src/config/load.js';
import { compileRoutes } from '../dist/src/routes/table.js';

const lookups = 400_000;
const rounds = 9;

/** Names of one length, so that the two tables differ in nothing but their size. */
const areaOf = (index) => `/area-${String(index).padStart(4, '0')}`;

function tableOf(count) {
  const routes = Array.from({ length: count }, (_, index) => ({
    host: index % 2 === 0 ? 'app.example.com' : undefined,
    path: `${areaOf(index)}/part`,
    upstream: 'http://127.0.0.1:1',
  }));
  const config = {
    publicUrl: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
    session: { secret: Buffer.alloc(32, 1).toString('base64') },
    routes,
  };
  return compileRoutes(parseConfig(JSON.stringify(config), { file: undefined, env: {} }).config);
}

/** Nanoseconds for one look-up, of paths that are spread over the whole table, some of which no route takes. */
function measure(table, count) {
  const paths = Array.from(
    { length: 64 },
    (_, index) => `${areaOf(Math.floor((index * count) / 64))}/part/of/page`,
  );
  const start = process.hrtime.bigint();
  let found = 0;
  for (let at = 0; at < lookups; at++) {
    if (table.match('app.example.com', paths[at % 64], 'GET')) found++;
  }
  if (found === 0) throw new Error('no route was found');
  return Number(process.hrtime.bigint() - start) / lookups;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const few = tableOf(5);
const many = tableOf(5000);
measure(few, 5);
measure(many, 5000);
const figures = { few: [], many: [] };
for (let round = 0; round < rounds; round++) {
  figures.few.push(measure(few, 5));
  figures.many.push(measure(many, 5000));
}
const [a, b] = [median(figures.few), median(figures.many)];
process.stdout.write(
  `5 routes: ${a.toFixed(0)} ns; 5,000 routes: ${b.toFixed(0)} ns; ratio ${(b / a).toFixed(2)}\n`,
);
