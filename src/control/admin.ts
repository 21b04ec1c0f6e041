import type { Controls } from '../admin/controls.ts';
import { type AdminListener, startAdmin } from '../admin/server.ts';
import type { Clock } from '../clock.ts';
import type { AdminConfig } from '../config/schema/index.ts';
import type { Prepared } from '../gateway.ts';
import { overlaps } from '../listen/overlap.ts';
import type { Emit } from '../observe/events.ts';

/** The admin listener of a gateway, which may move while the gateway runs. */
export interface Admin {
  /** Where it listens; undefined where it does not. */
  url(): string | undefined;
  /** Opens it where another configuration wants it. Rejects when that address cannot be listened on. */
  prepare(next: AdminConfig): Promise<Prepared>;
  close(): Promise<void>;
}

export interface AdminNeeds {
  emit: Emit;
  clock: Clock;
  controls: Controls;
}

/** Whoever asked for the reload by the listener that is left gets the answer by it. */
const lingerMs = 2000;

/** Rejects when a chosen address cannot be listened on. */
export async function openAdmin(config: AdminConfig, { emit, clock, controls }: AdminNeeds): Promise<Admin> {
  const start = (at: AdminConfig) => startAdmin(at, emit, controls, clock);
  let current: AdminListener | undefined = await start(config);
  let configured = config;
  /** What is still to listen at an address that was free only when another one was left. */
  let moving: Promise<void> = Promise.resolve();

  const leave = (listener: AdminListener | undefined) => {
    listener?.leaveAddress();
    clock.after(lingerMs, () => void listener?.close()).unref();
  };
  const moveTo = (next: AdminConfig, listener: AdminListener | undefined) => {
    const before = current;
    current = listener;
    configured = next;
    leave(before);
  };

  return {
    url: () => current?.url,
    async prepare(next) {
      await moving;
      // One whose port was taken is opened anew: whoever had it may have left.
      const isThere = current !== undefined || next.listen === 'off';
      if (isThere && JSON.stringify(next.listen) === JSON.stringify(configured.listen)) {
        return {
          commit() {
            configured = next;
            current?.useToken(next.token);
          },
          async abort() {},
        };
      }
      if (current && isTaken(configured.listen, next.listen)) {
        const failed = (error: unknown) => emit({ kind: 'listener-failed', listen: 'admin', error });
        const commit = () => {
          moveTo(next, undefined);
          moving = start(next).then((listener) => {
            current = listener;
          }, failed);
        };
        return { commit, async abort() {} };
      }
      const listener = await start(next);
      return { commit: () => moveTo(next, listener), abort: async () => listener?.close() };
    },
    async close() {
      await moving;
      await current?.close();
    },
  };
}

/** Whether one can only be listened on when the other is left. */
function isTaken(one: AdminConfig['listen'], other: AdminConfig['listen']): boolean {
  return one !== 'off' && other !== 'off' && overlaps(one, other);
}
