import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { CallMessage, WorkerLink } from '../../src/session/shared/messages.ts';
import { createPrimaryShared } from '../../src/session/shared/primary.ts';
import type { Shared } from '../../src/session/shared/shared.ts';
import { createWoundClock } from '../support/clock.ts';
import { type ContractProcess, testStore } from './contract.ts';
import type { Order, Report } from './contract-worker.ts';

type Work = Parameters<Shared['once']>[1];

const program = fileURLToPath(new URL('./contract-worker.js', import.meta.url));
const noGrant = async () => ({ kind: 'unavailable', retryAfter: 1 }) as const;

/** Worker processes of this one, which is their primary. */
testStore('workers', async (t) => {
  const clock = createWoundClock();
  const primary = createPrimaryShared(noGrant, clock);
  const workers: Remote[] = [];
  return {
    async join() {
      const child = fork(program);
      const link: WorkerLink = { send: (message) => void (child.connected && child.send(message)) };
      child.on('message', (message: CallMessage) => {
        if (message.kind === 'call') void primary.received(link, message);
      });
      child.on('exit', () => primary.left(link));
      const worker = remoteControl(t, child);
      workers.push(worker);
      // It has begun to listen when it answers.
      await worker.wind(0);
      return worker;
    },
    async pass(ms) {
      clock.wind(ms);
      await Promise.all(workers.map((worker) => worker.wind(ms)));
    },
  };
});

interface Remote extends ContractProcess {
  wind(ms: number): Promise<void>;
}

function remoteControl(t: Test, child: ChildProcess): Remote {
  const waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void; work?: Work }
  >();
  let last = 0;
  let isDead = false;
  child.on('message', async (report: Report) => {
    const asked = waiting.get(report.id);
    if (!asked) return;
    if (report.kind === 'finished') {
      waiting.delete(report.id);
      if (report.error === undefined) asked.resolve(report.value);
      else asked.reject(new Error(report.error));
    }
    if (report.kind !== 'work') return;
    const { id, previous } = report;
    const done = await asked.work?.(previous).then(
      (posted) => ({ posted }),
      ({ message }: Error) => ({ error: message }),
    );
    if (!isDead) child.send({ kind: 'worked', id, ...done } as Order);
  });
  const tell = (order: (id: number) => Order, work?: Work): Promise<unknown> => {
    if (isDead) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject, ...(work && { work }) });
      child.send(order(id));
    });
  };
  const order = (name: Extract<Order, { kind: 'order' }>['name'], ...args: unknown[]) =>
    tell((id) => ({ kind: 'order', id, name, args }));
  const kill = async () => {
    if (isDead) return;
    isDead = true;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  t.teardown(kill);
  return {
    once: async (key, work, unrepeatable) =>
      (await tell((id) => ({ kind: 'once', id, key, unrepeatable }), work)) as string,
    settle: (key, posted) => void order('settle', key, posted),
    claim: async (name, forMs) => (await order('claim', name, forMs)) as boolean,
    get: async (id) => (await order('get', id)) as string | undefined,
    set: async (id, value, ttl) => void (await order('set', id, value, ttl)),
    replace: async (id, was, value, ttl) => (await order('replace', id, was, value, ttl)) as boolean,
    delete: async (id) => void (await order('delete', id)),
    putListing: async (...args) => void (await order('putListing', ...args)),
    listingsUnder: async (keys) => (await order('listingsUnder', keys)) as [string, string][],
    getListing: async (name) => (await order('getListing', name)) as string | undefined,
    removeListing: async (listing) => void (await order('removeListing', listing)),
    publish: async (revocation) => void (await order('publish', revocation)),
    revoked: async () => (await order('revoked')) as string[],
    wind: async (ms) => void (await tell((id) => ({ kind: 'wind', id, ms }))),
    kill,
  };
}
