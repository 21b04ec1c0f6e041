import { test } from 'tap';
import { until } from '../support/until.ts';
import { arrangeInstances, type Instances, untilServed } from './two-instances.ts';

const people = 20;
/** Back within five seconds; a machine that is busy with other tests gets as long again. */
const backWithinMs = 10_000;

interface FaultKind {
  strike(scene: Instances): unknown;
  heal(scene: Instances): unknown;
  /** What the log says of it, at one instance at least. */
  named: RegExp;
}

/** Nobody listens on port 9: a replica of it has lost its primary. */
const deadPrimary = ['127.0.0.1', '9'];

const faults: Record<string, FaultKind> = {
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
  frozen: {
    strike: ({ redis }) => redis.signal('SIGSTOP'),
    heal: ({ redis }) => redis.signal('SIGCONT'),
    named: /no reply/,
  },
  paused: {
    strike: ({ cli }) => cli('client', 'pause', '60000'),
    heal: ({ cli }) => cli('client', 'unpause'),
    named: /no reply/,
  },
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
  'killed and started again': {
    strike: ({ redis }) => redis.kill(),
    heal: ({ redis }) => redis.restart(),
    named: /closed|ECONNREFUSED/,
  },
};

for (const store of ['cookie', 'redis'] as const) {
  test(`20 refreshes in flight, sessions in ${store}: nobody is signed out, no refresh token is sent twice`, async (t) => {
    const scene = await arrangeInstances(t, { store, people });
    for (const [name, { strike, heal, named }] of Object.entries(faults)) {
      const before = scene.sent.length;
      const linesBefore = scene.gateways.map(({ log }) => log.lines.length);
      scene.expire();
      const asked = scene.clients.flatMap((client, index) => [
        scene.ask(client, index % 2),
        scene.ask(client, 1 - (index % 2)),
      ]);
      await until('20 refreshes in flight', () => scene.sent.length - before === people, 10_000);
      await strike(scene);
      scene.release();
      const during = await Promise.all(asked);
      const outcome = await until(
        'its name in the log',
        () =>
          scene.gateways.some(({ log }, index) =>
            log.lines.slice(linesBefore[index]).some(({ reason }) => named.test(String(reason))),
          ),
        10_000,
      ).catch((error: Error) => error.message);
      t.equal(outcome, true, `${name}: named in the log`);
      const meanwhile = await Promise.all(scene.clients.map((client, index) => scene.ask(client, index % 2)));
      await heal(scene);
      const healedAt = performance.now();
      const after = await untilServed(scene, backWithinMs);
      t.comment(`${name}: back after ${Math.round(performance.now() - healedAt)} ms`);
      const statuses = [...new Set([...during, ...meanwhile, ...after])].filter((status) => status !== 200);
      t.ok(
        statuses.every((status) => status === 503),
        `${name}: 200 or 503, and nothing else: ${statuses}`,
      );
      t.equal(scene.sent.length - before, people, `${name}: one refresh for each`);
      t.equal(new Set(scene.sent).size, scene.sent.length, `${name}: no refresh token is sent twice`);
    }
  });
}
