// What reading the headers of an answer costs, in processor time: `npm run build && node bench/header-reading.mjs`.
import { createRequire } from 'node:module';
import { createHeaderReader } from '../dist/src/forward/raw-headers.js';
import { median } from './statistics.mjs';

/** What undici does with each head, for handlers of its current interface. */
const { parseHeaders } = createRequire(import.meta.url)('undici/lib/core/util.js');

/** As the nginx of the benchmark answers. */
const names = 'Server Date Content-Type Content-Length Last-Modified Connection ETag Accept-Ranges'.split(
  ' ',
);
const values = [
  'nginx/1.22.1',
  'Fri, 27 Nov 2026 14:00:00 GMT',
  'text/plain',
  '1024',
  'Fri, 27 Nov 2026 13:00:00 GMT',
  'keep-alive',
  '"65646464-400"',
  'bytes',
];
/** Parts of one buffer each, as the parser of undici gives them. */
const heads = Array.from({ length: 200 }, () => {
  const text = names.map((name, at) => `${name}: ${values[at]}\r\n`).join('');
  const bytes = Buffer.from(text, 'latin1');
  const raw = [];
  let start = 0;
  for (const [at, name] of names.entries()) {
    raw.push(bytes.subarray(start, start + name.length));
    start += name.length + 2;
    raw.push(bytes.subarray(start, start + values[at].length));
    start += values[at].length + 2;
  }
  return raw;
});

const asText = (raw) => raw.map((bytes) => bytes.toString('latin1'));
/** As `response-headers.ts` asks what is to become of a header. */
const lookUp = (known, headers) => {
  let found = 0;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at];
    if (!known.has(name)) known.set(name, name.length);
    found += known.get(name);
  }
  return found;
};
const reader = createHeaderReader();
const maps = { bytes: new Map(), both: new Map(), reader: new Map() };
const ways = {
  'the bytes alone': (raw) => lookUp(maps.bytes, asText(raw)),
  'the object alone': (raw) => parseHeaders(raw).server.length,
  'the bytes beside the object': (raw) => parseHeaders(raw).server.length + lookUp(maps.both, asText(raw)),
  'the reader with the object': (raw) => lookUp(maps.reader, reader(raw, parseHeaders(raw))),
};

let sum = 0;
function measure(way, repeats) {
  const before = process.cpuUsage();
  for (let at = 0; at < repeats; at++) for (const raw of heads) sum += way(raw);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (repeats * heads.length);
}

const figures = new Map(Object.keys(ways).map((name) => [name, []]));
for (const way of Object.values(ways)) measure(way, 500);
for (let round = 0; round < 7; round++) {
  for (const [name, way] of Object.entries(ways)) figures.get(name).push(measure(way, 500));
}
if (sum === 0) throw new Error('nothing was read');
for (const [name, each] of figures) process.stdout.write(`${name}: ${median(each).toFixed(2)} µs\n`);
