/**
 * Says on request how long one look into memory takes, in nanoseconds. Each look depends on the one before, and
 * all of them together go through more than a core has in caches of its own.
 */
const cells = new Int32Array(2 ** 21);

// Sattolo's shuffle: one cycle through all cells, in an order that no prefetching guesses.
for (let at = 0; at < cells.length; at++) cells[at] = at;
let seed = 1;
for (let at = cells.length - 1; at > 0; at--) {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  const other = seed % at;
  [cells[at], cells[other]] = [cells[other], cells[at]];
}

let position = 0;
function look(times) {
  for (let count = 0; count < times; count++) position = cells[position];
}

const timedLooks = 300_000;
// Compiled before anybody asks.
look(timedLooks);

process.on('message', () => {
  // The caches of a core that slept are cold.
  look(50_000);
  const started = process.hrtime.bigint();
  look(timedLooks);
  process.send(Number(process.hrtime.bigint() - started) / timedLooks);
});
