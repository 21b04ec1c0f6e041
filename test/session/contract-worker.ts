import { createRevocations } from '../../src/session/revocations.ts';
import { createHeld } from '../../src/session/shared/held.ts';
import { callPrimary } from '../../src/session/shared/primary-calls.ts';
import type { Posted, Unrepeatable } from '../../src/session/shared/shared.ts';
import { createWorkerPlace } from '../../src/session/shared/worker.ts';
import { createWoundClock } from '../support/clock.ts';
import { aboveOf } from '../support/shared.ts';
import type { ContractProcess } from './contract.ts';
import { processOf } from './contract-process.ts';

/** What a test has a worker do; work itself is done by the test. */
export type Order =
  | { kind: 'order'; id: number; name: Exclude<keyof ContractProcess, 'once' | 'kill'>; args: unknown[] }
  | { kind: 'once'; id: number; key: string; unrepeatable: Unrepeatable | undefined }
  | { kind: 'worked'; id: number; posted?: Posted; error?: string }
  | { kind: 'wind'; id: number; ms: number };

/** What the worker says of it. */
export type Report =
  | { kind: 'work'; id: number; previous: string | undefined }
  | { kind: 'finished'; id: number; value?: unknown; error?: string };

// A worker as `sallyport serve` has it, without the gateway: its line to the primary is that of Node.js.
const clock = createWoundClock();
const primary = callPrimary(clock);
const revocations = createRevocations(clock);
const place = createWorkerPlace(primary, createHeld(revocations, clock));
const it = processOf(aboveOf(place, revocations, clock), async () => {});
const working = new Map<number, (order: Extract<Order, { kind: 'worked' }>) => void>();
const report = (message: Report) => process.send?.(message);

function once({ id, key, unrepeatable }: Extract<Order, { kind: 'once' }>): Promise<string> {
  const work = (previous: string | undefined) =>
    new Promise<Posted>((resolve, reject) => {
      working.set(id, ({ posted, error }) => (posted ? resolve(posted) : reject(new Error(error))));
      report({ kind: 'work', id, previous });
    });
  return it.once(key, work, unrepeatable);
}

function carryOut(order: Order): unknown {
  switch (order.kind) {
    case 'once':
      return once(order);
    case 'worked':
      return working.get(order.id)?.(order);
    case 'wind':
      return clock.wind(order.ms);
    case 'order':
      return (it[order.name] as (...args: unknown[]) => unknown)(...order.args);
  }
}

process.on('message', async (order: Order) => {
  if (!['order', 'once', 'worked', 'wind'].includes(order.kind)) return;
  const { id, kind } = order;
  try {
    const value = await carryOut(order);
    if (kind !== 'worked') report({ kind: 'finished', id, value });
  } catch (error) {
    report({ kind: 'finished', id, error: (error as Error).message });
  }
});
process.on('disconnect', () => process.exit());
primary.join();
