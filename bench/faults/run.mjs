import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies } from '../../scripts/prepare.mjs';
import { writeTable } from '../../scripts/write-table.mjs';

/**
 * `npm run faults`: sends the same faults to Sallyport and to the proxies that people use in its place, and
 * writes the table of docs/faults.md. What is not on this machine is left out and named, but for nginx.
 */

installDependencies();
build(['src', 'test']);
const { findPeers } = await import('./peers.mjs');
const { DidNotStart, startPeer } = await import('./start.mjs');
const { startUpstream } = await import('./upstream.mjs');
const trials = await import('./trials.mjs');
const { tableOf } = await import('./table.mjs');

const { peers, missing } = findPeers();
for (const { name, get } of missing) console.error(`Not on this machine: ${name}. To get it:\n  ${get}`);
for (const needed of ['Sallyport', 'nginx']) {
  if (!peers.some(({ name }) => name === needed)) process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'sallyport-faults-'));
// A worker that is no longer root writes into folders of its own below it.
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Does something with a fresh upstream and a fresh process of a peer. */
async function withPeer(peer, trial, log, use) {
  const place = join(folder, `${peer.key}-${trial}`);
  mkdirSync(place, { mode: 0o755 });
  const upstream = await startUpstream();
  const running = await startPeer(peer, { folder: place, upstreamPort: upstream.port, log });
  try {
    return await use({ ...running, upstream, hasUpstream: peer.hasUpstream });
  } finally {
    running.kill();
    await upstream.close();
  }
}

const results = new Map(peers.map((peer) => [peer, {}]));
for (const [peer, result] of results) {
  console.error(`${peer.name} ${peer.version} …`);
  result.fullDisk = await withPeer(peer, 'full', '/dev/full', trials.fullDisk).catch((error) => {
    if (error instanceof DidNotStart) return `does not start, code ${error.end}`;
    throw error;
  });
  const pipe = trials.blockedPipe(folder, peer.key);
  result.blockedReader = await withPeer(peer, 'pipe', pipe.path, (running) =>
    trials.blockedReader(running, pipe),
  );
  if (!peer.hasUpstream) continue;
  const file = join(folder, `${peer.key}.log`);
  result.pipeline = await withPeer(peer, 'pipeline', file, trials.pipeline);
  result.oldServers = await withPeer(peer, 'old', file, trials.oldServers);
  result.firstPost = await withPeer(peer, 'post', file, trials.firstPost);
}
console.error(`Slow bodies, all of them at once, up to ${trials.slowBodiesWithinS} s …`);
await Promise.all(
  [...results]
    .filter(([{ hasUpstream }]) => hasUpstream)
    .map(async ([peer, result]) => {
      const file = join(folder, `${peer.key}.log`);
      result.slowBodies = await withPeer(peer, 'slow', file, trials.slowBodies);
    }),
);

const table = tableOf(results, missing);
console.log(table);
writeTable('docs/faults.md', 'npm run faults', table);
process.exit(0);
