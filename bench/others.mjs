import { freePort } from '../dist/test/support/free-port.js';
import { idleKinds, measureIdle, measureMessages } from './measure/connections.mjs';
import { measureLogins, measureRefreshes, measureSeal, measureVerifications } from './measure/slow-paths.mjs';
import { measureWorkers } from './measure/workers.mjs';
import { stockPlugin } from './subjects/fastify.mjs';
import { haproxy, nginx } from './subjects/plain.mjs';
import { cookieStore, withNodeArgs } from './subjects/sallyport.mjs';

/** What is measured beside the rounds: workers, WebSockets, idle connections, the start, and the slow paths. */
export async function measureOthers(results, { rounds, quiet, parties, report }) {
  /** What fails is left out of the report; the rest of a long run is kept. */
  const attempt = async (name, work) => {
    report(`${name} …`);
    try {
      return await work();
    } catch (error) {
      report(`${name}: ${error.message}`);
      return undefined;
    }
  };
  return {
    coldStart: coldStarts(results),
    workers: await attempt('workers', () => measureWorkers(parties, { rounds, quiet })),
    messages: await attempt('WebSocket messages', () => measureAllMessages(parties, { rounds, quiet })),
    idle: await attempt('idle connections', () => measureAllIdle(parties)),
    slowPaths: await attempt('slow paths', () => measureSlowPaths(parties)),
  };
}

async function measureSlowPaths(parties) {
  return {
    logins: await measureLogins(parties, 4),
    refreshes: await measureRefreshes(parties, 4),
    verifications: await measureVerifications(parties, 1),
    seals: [512, 2048, 4096].map((bytes) => ({ bytes, ...measureSeal(bytes) })),
  };
}

async function measureAllMessages(parties, { rounds, quiet }) {
  const all = [];
  for (let round = 0; round < rounds; round++) all.push(await messagesRound(parties, quiet));
  return all;
}

async function messagesRound(parties, quiet) {
  const round = new Map();
  for (const subject of [cookieStore, nginx, haproxy, stockPlugin]) {
    const target = await subject.start(parties);
    round.set(subject.name, await measureMessages(target, 1, quiet));
    await target.stop();
  }
  return round;
}

async function measureAllIdle(parties) {
  const inspector = await freePort();
  const inspected = withNodeArgs(cookieStore.name, [`--inspect=127.0.0.1:${inspector}`]);
  const idle = new Map();
  for (const subject of [inspected, nginx, haproxy]) {
    const figures = {};
    // A fresh process for each kind: memory that the one gave back would be taken for the other.
    for (const [kind, openMany] of Object.entries(idleKinds)) {
      const target = await subject.start(parties);
      const garbage = subject === inspected ? { inspector } : {};
      figures[kind] = await measureIdle({ ...target, ...garbage }, openMany);
      await target.stop();
    }
    idle.set(subject.name, figures);
  }
  return idle;
}

/** Each round started each subject afresh, so the times are there already. */
function coldStarts(results) {
  const times = new Map();
  for (const round of results.get('fresh')) {
    for (const [subject, { firstAnswerMs }] of round) {
      times.set(subject, [...(times.get(subject) ?? []), firstAnswerMs]);
    }
  }
  return times;
}
