import { Redis } from 'ioredis';
import type { Event } from '../../src/observe/events.ts';
import type { Grant } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import { begin, createWorld, type Plan, plan, sessionAt, type World } from '../session/world.ts';
import type { Teardown } from '../support/arrange.ts';
import type { WoundClock } from '../support/clock.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** An instance of the gateway, as far as it has sessions. */
export interface Near extends Plan {
  clock: WoundClock;
  /** Commands of a kind that it has sent to Redis. */
  asked(operation: string): number;
  /** Somebody's session as a request finds it now; `ended` where it finds none. */
  session(header: string): Promise<Session | 'ended' | 'unavailable'>;
  /** The same, waiting for nothing; undefined where something has to be asked. */
  atOnce(header: string): Session | 'ended' | undefined;
  /** Resolves when a session is known here. */
  knows(header: string): Promise<void>;
  /** The same process with another plan, in place of this one. */
  reload(): Promise<Near>;
}

export interface NearScene {
  redis: TestRedis;
  join(options?: JoinOptions): Promise<Near>;
  /** A new session, with what more is said of it. */
  signIn(at: Near, more?: Partial<Session>): Promise<SignedIn>;
  operator: Redis;
}

export interface SignedIn {
  session: Session;
  /** Its Cookie header. */
  header: string;
  /** Where it is in the table. */
  place: string;
}

interface JoinOptions {
  url?: string;
  grant?: Grant;
  clock?: WoundClock;
  session?: Record<string, unknown>;
}

/** Instances that share a Redis. */
export async function arrangeNear(t: Teardown): Promise<NearScene> {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const operator = new Redis({ port: redis.port, host: '127.0.0.1' });
  operator.on('error', () => {});
  t.teardown(() => operator.disconnect());
  return {
    redis,
    operator,
    async join({ url = redis.url, grant, clock, session: more = {} } = {}) {
      const events: Event[] = [];
      const world: World = { ...createWorld(grant), emit: (event) => void events.push(event) };
      if (clock) world.clock = clock;
      const open = async (persistent: boolean): Promise<Near> => {
        const opened = plan(world, { store: url, idleTimeout: '20m', persistent, ...more });
        t.teardown(() => opened.release());
        await opened.ready;
        opened.inForce();
        const reload = async () => {
          const next = await open(!persistent);
          await opened.release();
          return next;
        };
        return { ...nearOf(opened, world, events), reload };
      };
      return open(false);
    },
    async signIn(at, more = {}) {
      const end = Math.floor(at.clock.now() / 1000) + 36_000;
      const session = sessionAt(at.clock, { accessTokenExpiresAt: end, expiresAt: end, ...more });
      const places = async () => (await operator.keys('sallyport:session:*')).map((key) => key.slice(-43));
      const before = await places();
      const header = await begin(at, session);
      const place = (await places()).find((each) => !before.includes(each)) ?? 'none';
      return { session, header, place };
    },
  };
}

function nearOf(opened: Plan, { clock }: World, events: readonly Event[]): Omit<Near, 'reload'> {
  const asked = (operation: string) =>
    events.filter((event) => event.kind === 'store-asked' && event.operation === operation).length;
  const atOnce: Near['atOnce'] = (header) => {
    const standing = opened.sessions.currentOf(header);
    if (standing instanceof Promise) {
      standing.catch(() => {});
      return undefined;
    }
    return standing && 'session' in standing ? standing.session : 'ended';
  };
  return {
    ...opened,
    clock,
    asked,
    async session(header) {
      try {
        const standing = await opened.sessions.currentOf(header);
        return standing && 'session' in standing ? standing.session : 'ended';
      } catch {
        return 'unavailable';
      }
    },
    atOnce,
    knows: (header) =>
      until('the session to be known', () => {
        const found = atOnce(header);
        return found !== undefined && found !== 'ended';
      }).then(() => {}),
  };
}
