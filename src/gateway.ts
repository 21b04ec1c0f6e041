import type { Controls } from './admin/controls.ts';
import { type AdminListener, startAdmin } from './admin/server.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/schema/index.ts';
import { showConfig } from './config/show.ts';
import { type Estate, openEstate } from './estate/estate.ts';
import { healthOf } from './estate/health.ts';
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

/** What is known and can be done in this process alone. */
function ownControls({ health }: Pick<Estate, 'health'>, inForce: () => Config): Controls {
  let isDraining = false;
  return {
    async health() {
      const { missing, degraded } = health();
      return healthOf(isDraining ? ['draining', ...missing] : missing, degraded);
    },
    reload: async () => ({ result: 'refused', problems: ['this gateway was not started from a file'] }),
    async drain() {
      isDraining = true;
    },
    config: () => showConfig(inForce()),
  };
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
  let inForce = config;
  const adopt = async (next: Config) => {
    keepSecrets(next.secrets);
    const keys = fixedKeys.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(config[key]));
    if (keys.length > 0) emit({ kind: 'keys-fixed', keys });
    try {
      await estate.adopt(compilePlan(next));
      inForce = next;
    } finally {
      // However many fail, the secrets in force stay known.
      keepSecrets(inForce.secrets);
    }
  };
  let admin: AdminListener | undefined;
  const close = async () => {
    await estate.close();
    await admin?.close();
  };
  try {
    if (!primary)
      admin = await startAdmin(
        config.admin,
        emit,
        ownControls(estate, () => inForce),
        clock,
      );
    await adopt(config);
    const { url = '', name } = estate.listening() ?? {};
    emit({ kind: 'listening', listen: name, admin: admin?.url, publicUrl: config.publicUrl });
    return { url, adminUrl: admin?.url, adopt, close };
  } catch (error) {
    await close();
    throw error;
  }
}
