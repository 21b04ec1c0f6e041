import { setTimeout as wait } from 'node:timers/promises';
import tap, { type Test, test } from 'tap';
import type { Client } from '../support/client.ts';
import { until } from '../support/until.ts';
import { arrangeInstances, type Instances, untilServed } from './two-instances.ts';

const people = 20;
/** Within seconds, on a machine that may be busy. */
const backWithinMs = 10_000;

interface FaultKind {
  strike(scene: Instances): unknown;
  heal(scene: Instances): unknown;
  /** What the log says of it, at one instance at least. */
  named: RegExp;
}

/** Nobody listens on port 9: a replica of it has lost its primary. */
const deadPrimary = ['127.0.0.1', '9'];

/** Apart from each other, since most of the time is waiting. */
const faults: Record<string, Record<string, FaultKind>> = {
  'Redis is away': {
    'cut off from one instance': {
      strike: ({ cut }) => cut.cut(),
      heal: ({ cut }) => cut.heal(),
      named: /closed|ECONNREFUSED/,
    },
    'silent for one instance': {
      strike: ({ cut }) => cut.hush(),
      heal: ({ cut }) => cut.heal(),
      named: /no reply/,
    },
    'paused for what writes': {
      strike: ({ cli }) => cli('client', 'pause', '60000', 'write'),
      heal: ({ cli }) => cli('client', 'unpause'),
      named: /no reply/,
    },
    frozen: {
      strike: ({ redis }) => redis.signal('SIGSTOP'),
      heal: ({ redis }) => redis.signal('SIGCONT'),
      named: /no reply/,
    },
    paused: {
      strike: ({ cli }) => cli('client', 'pause', '3000'),
      // A pause of all commands cannot be ended, since that takes a command.
      heal: ({ cli }) => cli('ping'),
      named: /no reply/,
    },
    'killed and started again': {
      strike: ({ redis }) => redis.kill(),
      heal: ({ redis }) => redis.restart(),
      named: /closed|ECONNREFUSED/,
    },
  },
  'Redis refuses': {
    'a replica': {
      strike: ({ cli }) => cli('replicaof', ...deadPrimary),
      heal: ({ cli }) => cli('replicaof', 'no', 'one'),
      named: /^READONLY/,
    },
    'a replica that answers nothing': {
      async strike({ cli }) {
        await cli('config', 'set', 'replica-serve-stale-data', 'no');
        await cli('replicaof', ...deadPrimary);
      },
      async heal({ cli }) {
        await cli('replicaof', 'no', 'one');
        await cli('config', 'set', 'replica-serve-stale-data', 'yes');
      },
      named: /^(MASTERDOWN|READONLY)/,
    },
    'out of memory': {
      strike: ({ cli }) => cli('config', 'set', 'maxmemory', '1'),
      heal: ({ cli }) => cli('config', 'set', 'maxmemory', '0'),
      named: /^OOM/,
    },
    'out of replicas': {
      strike: ({ cli }) => cli('config', 'set', 'min-replicas-to-write', '1'),
      heal: ({ cli }) => cli('config', 'set', 'min-replicas-to-write', '0'),
      named: /^NOREPLICAS/,
    },
    'behind a password that is new': {
      async strike({ cli, cliAs }) {
        await cli('acl', 'setuser', 'operator', 'on', 'nopass', '+@all', '~*', '&*');
        await cli('config', 'set', 'requirepass', 'new');
        await cliAs('operator', 'client', 'kill', 'type', 'normal');
      },
      heal: ({ cliAs }) => cliAs('operator', 'config', 'set', 'requirepass', ''),
      named: /^NOAUTH/,
    },
  },
};

// One after another: side by side they take the processor from each other.
tap.jobs = 1;

/** Tests of each fault while 20 refreshes are at the provider. */
export function testInFlight(store: 'cookie' | 'redis'): void {
  for (const [what, kinds] of Object.entries(faults)) {
    const title = `20 refreshes in flight, sessions in ${store === 'redis' ? 'Redis' : 'cookies'}, and ${what}`;
    test(`${title}: nobody is signed out, no refresh token is sent twice`, { buffered: true }, (t) =>
      strikeInFlight(t, store, kinds),
    );
  }
}

async function strikeInFlight(t: Test, store: 'cookie' | 'redis', kinds: Record<string, FaultKind>) {
  const scene = await arrangeInstances(t, { store, people });
  for (const [name, fault] of Object.entries(kinds)) {
    const before = scene.sent.length;
    const { seen, tookMs } = await strikeOnce(scene, fault).catch((error: Error) => {
      throw new Error(`${name}: ${error.message}; ${whyEnded(scene)}`);
    });
    t.comment(`${name}: back after ${Math.round(tookMs)} ms`);
    const others = [...seen].filter((status) => status !== 200 && status !== 503);
    t.same(
      others,
      [],
      `${name}: 200 or 503, and nothing else${others.length > 0 ? `; ${whyEnded(scene)}` : ''}`,
    );
    t.equal(scene.sent.length - before, people, `${name}: one refresh for each`);
    t.equal(new Set(scene.sent).size, scene.sent.length, `${name}: no refresh token is sent twice`);
  }
}

/** What the log says of sessions that ended and of requests that were refused, and which refresh tokens were sent twice. */
function whyEnded({ gateways, sent }: Instances): string {
  const ends = gateways.map(({ log }) =>
    log.lines.filter(
      ({ msg, status }) => /^(session ended|refresh failed|refused)/.test(msg) && status !== 503,
    ),
  );
  const twice = sent.filter((token, index) => sent.indexOf(token) !== index);
  return JSON.stringify({ ends, twice: twice.length });
}

/** Gives every status that anybody saw, and how long it took until all was well again. */
async function strikeOnce(scene: Instances, { strike, heal, named }: FaultKind) {
  const { clients, gateways, sent } = scene;
  const before = sent.length;
  const linesBefore = gateways.map(({ log }) => log.lines.length);
  const isNamed = () =>
    gateways.some(({ log }, index) =>
      log.lines.slice(linesBefore[index]).some(({ reason }) => named.test(String(reason))),
    );
  const seen: number[] = [];
  let isStruck = false;
  const askToRefresh = async (client: Client, instance: number) => {
    for (;;) {
      seen.push(await scene.ask(client, instance));
      if (isStruck) return;
      // On a busy machine a command of Redis may take too long. Who is told to come again does so.
      await wait(50);
    }
  };
  scene.expire();
  const asked = clients.flatMap((client) => [askToRefresh(client, 0), askToRefresh(client, 1)]);
  await until('20 refreshes in flight', () => sent.length - before >= people).finally(() => {
    isStruck = true;
  });
  await strike(scene);
  scene.release();
  await Promise.all(asked);
  const askOn = async () => {
    seen.push(...(await Promise.all(clients.map((client, index) => scene.ask(client, index % 2)))));
    return isNamed();
  };
  await until('its name in the log', askOn);
  await heal(scene);
  const healedAt = performance.now();
  seen.push(...(await untilServed(scene, backWithinMs)));
  return { seen: new Set(seen), tookMs: performance.now() - healedAt };
}
