import { EventEmitter } from 'node:events';
import { type Test, test } from 'tap';
import { createCounting } from '../../src/control/counting.ts';
import type { Channel } from '../../src/control/line.ts';
import { createMembers } from '../../src/control/members.ts';
import type { SentVersion } from '../../src/control/questions.ts';
import { openWorkerSide } from '../../src/control/worker.ts';
import type { Prepared } from '../../src/gateway.ts';
import type { Event } from '../../src/observe/events.ts';
import { createWoundClock } from '../support/clock.ts';

const text = `
publicUrl: https://app.example.com
provider: { issuer: https://id.example.com, clientId: a, clientSecret: b }
session: { secret: 0123456789abcdef0123456789abcdef0123456789abcdef }
routes: [{ path: /, upstream: "http://127.0.0.1:9", allow: public }]
`;

const versionOf = (number: number): SentVersion => ({
  number,
  file: '/etc/sallyport.yaml',
  texts: { '/etc/sallyport.yaml': text },
});

/** Longer than a worker may take to open a version. */
const tooLongMs = 46_000;

/** What has to run meanwhile: messages pass in later turns. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** The two sides of the channel to a worker that runs in this process, with a gateway of which a test decides all. */
function connectedWorker() {
  const primarySide = new EventEmitter();
  const workerSide = new EventEmitter();
  const worker = Object.assign(primarySide, {
    isConnected: () => true,
    send: (message: object) => setImmediate(() => workerSide.emit('message', message)),
    process: { kill: (signal: string) => primarySide.emit('killed', signal) },
  });
  const channel: Channel = {
    send: (message) => void setImmediate(() => primarySide.emit('message', message)),
    receive: (listener) => void workerSide.on('message', listener),
  };
  return { worker, channel };
}

function arrange(t: Test) {
  const clock = createWoundClock();
  const inForce = versionOf(1);
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const members = createMembers({
    emit,
    clock,
    version: () => inForce,
    adminUrl: () => undefined,
    counting: createCounting(),
  });
  const join = async (prepare: () => Promise<Prepared>) => {
    const { worker, channel } = connectedWorker();
    const killed: unknown[] = [];
    worker.on('killed', (signal) => killed.push(signal));
    members.join(worker as never);
    const side = await openWorkerSide(clock, {}, channel);
    const people = () => ({ end: async () => true });
    side.serve({ prepare, health: () => t.fail('nobody asks'), people, status: () => ({}) } as never);
    return { worker, killed };
  };
  return { clock, events, members, join };
}

/** A version that a worker has opened, with what became of it. */
function preparing() {
  const ends: string[] = [];
  const prepared: Prepared = {
    commit: async () => void ends.push('commit'),
    abort: async () => void ends.push('abort'),
  };
  return { ends, prepared };
}

test('a worker that ends while it opens a version holds up nobody', async (t) => {
  const { members, join } = arrange(t);
  const good = preparing();
  await join(async () => good.prepared);
  const { worker } = await join(() => new Promise(() => {}));
  const preparation = members.prepare(versionOf(2));
  await settle();
  worker.emit('exit');
  await (await preparation).commit();
  t.same(good.ends, ['commit']);
});

test('a version that a worker opens too late is given back by it, too', async (t) => {
  const { clock, members, join } = arrange(t);
  const good = preparing();
  const late = preparing();
  let open = (_prepared: Prepared) => {};
  await join(async () => good.prepared);
  const { killed } = await join(
    () =>
      new Promise((resolve) => {
        open = resolve;
      }),
  );
  const refused = t.rejects(members.prepare(versionOf(2)), {
    message: 'the other process did not answer in time',
  });
  await settle();
  clock.wind(tooLongMs);
  await refused;
  t.same(good.ends, ['abort']);
  open(late.prepared);
  await settle();
  t.same([late.ends, killed], [['abort'], []]);
});

test('what one worker refuses is given back by the others', async (t) => {
  const { members, join } = arrange(t);
  const good = preparing();
  await join(async () => good.prepared);
  await join(async () => {
    throw new Error('the port is taken');
  });
  await t.rejects(members.prepare(versionOf(2)), { message: 'the port is taken' });
  t.same(good.ends, ['abort']);
});

test('a worker that cannot follow is ended, and the log says why', async (t) => {
  const { events, members, join } = arrange(t);
  const { killed } = await join(async () => ({
    commit() {
      throw new Error('it broke');
    },
    async abort() {},
  }));
  await (await members.prepare(versionOf(2))).commit();
  t.same(killed, ['SIGKILL']);
  t.match(events, [{ kind: 'worker-behind', error: { message: 'it broke' } }]);
});

test('a worker that is stuck keeps nobody waiting who asks any of them', async (t) => {
  const { members, join } = arrange(t);
  // It takes no message, as one that is stopped.
  members.join(
    Object.assign(new EventEmitter(), { isConnected: () => true, send: () => undefined }) as never,
  );
  await join(async () => t.fail('nothing is prepared') as never);
  t.equal(await members.askOne({ kind: 'end', id: 'x' }, 60_000), true);
});
