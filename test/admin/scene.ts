import type { Controls } from '../../src/admin/controls.ts';
import { type AdminListener, startAdmin } from '../../src/admin/server.ts';
import type { Status } from '../../src/admin/status/facts.ts';
import type { ListenAddress } from '../../src/config/schema/index.ts';
import { GatewayError } from '../../src/errors.ts';
import { healthOf } from '../../src/estate/health.ts';
import type { Event } from '../../src/observe/events.ts';
import { noFigures } from '../../src/observe/figures/figures.ts';
import type { Differences } from '../../src/plan/differences.ts';
import type { ListedSession, People } from '../../src/session/people.ts';
import type { Teardown } from '../support/arrange.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';

export const token = 'a-token-of-the-admin';
export const withToken = { authorization: `Bearer ${token}` };

export const session: ListedSession = {
  id: 'session-1',
  provider: 'default',
  subject: 'ada',
  user: 'ada',
  email: 'ada@example.com',
  createdAt: 1_700_000_000,
  seenAt: 1_700_000_060,
  expiresAt: 1_700_003_600,
};

/** Of two configurations that are the same. */
export const nothing: Differences = { routes: [], keys: [], consequences: [], oddPaths: [], fixed: [] };

/** Of a gateway where nothing has happened. */
export const quietStatus: Status = {
  at: Date.UTC(2026, 10, 27, 20),
  configHash: '0123456789ab',
  processes: { answering: 1, wanted: 1 },
  publicUrl: ['https://app.example'],
  health: healthOf([]),
  open: {},
  routes: [],
  providers: [],
  store: { kind: 'cookie', name: 'cookie', troubles: [] },
  certificates: [],
  figures: noFigures,
};

export interface AdminScene {
  admin: AdminListener;
  /** What was done, in words. */
  done: string[];
  events: Event[];
  clock: WoundClock;
}

interface Parts {
  listen?: ListenAddress;
  token?: string | undefined;
  controls?: Partial<Controls>;
}

/** An admin listener that only writes down what it is asked to do. */
export async function arrangeAdmin(t: Teardown, parts: Parts = {}): Promise<AdminScene> {
  const { listen = { host: '127.0.0.1', port: 0 } } = parts;
  const done: string[] = [];
  const events: Event[] = [];
  const clock = createWoundClock();
  const controls: Controls = {
    health: async () => healthOf([]),
    async reload({ dryRun }) {
      done.push(dryRun ? 'reload, dry' : 'reload');
      return {
        result: dryRun ? 'would-reload' : 'reloaded',
        differences: nothing,
        warnings: [],
      };
    },
    async drain() {
      done.push('drain');
    },
    config() {
      done.push('config');
      return { publicUrl: ['https://app.example'] };
    },
    status: async () => quietStatus,
    people: () => peopleWho(done),
    metrics: async () => undefined,
    ...parts.controls,
  };
  const chosen = 'token' in parts ? parts.token : token;
  const admin = await startAdmin({ listen, token: chosen }, (event) => events.push(event), controls, clock);
  if (!admin) throw new Error('no listener');
  t.teardown(() => admin.close());
  return { admin, done, events, clock };
}

/** Ada, with one session. */
export function peopleWho(done: string[], listing: People['listing'] = 'all'): People {
  return {
    listing,
    async list(user) {
      done.push(`list ${user}`);
      if (user === 'out') throw new GatewayError('store_unavailable', { retryAfter: 1 });
      if (user === 'broken') throw new Error('it broke, said the-password');
      return user === 'ada' ? [session] : [];
    },
    async end(id) {
      done.push(`end ${id}`);
      return id === session.id;
    },
    async endAll(user) {
      done.push(`end all of ${user}`);
      return listing === 'none' ? undefined : 1;
    },
  };
}
