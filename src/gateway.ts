import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/schema/index.ts';
import { watchCertificates } from './estate/certificate-watch.ts';
import { openEstate } from './estate/estate.ts';
import { type AdminListener, startAdmin } from './listen/admin.ts';
import type { Observe } from './observe/open-observe.ts';
import { compilePlan } from './plan/plan.ts';
import { type Random, systemRandom } from './random.ts';
import type { PrimaryCalls } from './session/shared/primary-calls.ts';

export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:4180`. */
  url: string;
  adminUrl: string | undefined;
  /**
   * Goes on by another configuration, without losing a request, a connection or a session. Rejects, with nothing
   * changed, when it cannot be used.
   */
  adopt(config: Config): Promise<void>;
  /** Stops accepting, lets requests and sockets end within a limit, then closes. */
  close(): Promise<void>;
}

export interface GatewayNeeds {
  /** Who is told of what happens. */
  observe: Pick<Observe, 'emit' | 'keepSecrets'>;
  clock?: Clock;
  random?: Random;
  /** The line of a worker to its primary process. */
  primary?: PrimaryCalls | undefined;
}

/** What `adopt` leaves as it is. */
const fixedKeys = ['admin', 'logging', 'workers'] as const;

/**
 * Compiles the configuration to a plan and opens what it needs. Each request passes the stages of
 * request/pipeline.ts: arrive, admit, decide; what comes of them is forwarded, sent to a login or a stronger one,
 * answered, or refused, by the transport that it came through. Rejects when an address cannot be listened on or a
 * file cannot be read.
 */
export async function startGateway(
  config: Config,
  { observe, clock = systemClock, random = systemRandom, primary }: GatewayNeeds,
): Promise<Gateway> {
  const { emit, keepSecrets } = observe;
  const estate = openEstate({ emit, clock, random, primary });
  // Of several processes, the primary one looks after them.
  const certificates = primary === undefined ? watchCertificates({ emit, clock }) : undefined;
  let inForce = config;
  const adopt = async (next: Config) => {
    keepSecrets(next.secrets);
    const keys = fixedKeys.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(config[key]));
    if (keys.length > 0) emit({ kind: 'keys-fixed', keys });
    try {
      const plan = compilePlan(next);
      await estate.adopt(plan);
      certificates?.adopt(next, plan.read);
      inForce = next;
    } finally {
      // However many fail, the secrets in force stay known.
      keepSecrets(inForce.secrets);
    }
  };
  let admin: AdminListener | undefined;
  const close = async () => {
    certificates?.close();
    await estate.close();
    await admin?.close();
  };
  try {
    admin = await startAdmin(config.admin.listen, emit, estate);
    await adopt(config);
    const { url = '', name } = estate.listening() ?? {};
    emit({ kind: 'listening', listen: name, admin: admin?.url, publicUrl: config.publicUrl });
    return { url, adminUrl: admin?.url, adopt, close };
  } catch (error) {
    await close();
    throw error;
  }
}
