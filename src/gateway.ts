import type { Controls } from './admin/controls.ts';
import { type AdminListener, startAdmin } from './admin/server.ts';
import { type ProcessStatus, statusOf } from './admin/status/facts.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/schema/index.ts';
import { commonGauges } from './estate/common-gauges.ts';
import { type Closing, type Estate, openEstate } from './estate/estate.ts';
import { healthOf } from './estate/health.ts';
import { type Files, openFiles } from './files.ts';
import { tellExemptClients } from './limits/exempt-clients.ts';
import { noFigures } from './observe/figures/figures.ts';
import { renderMetrics } from './observe/metrics/exposition.ts';
import type { MetricValues } from './observe/metrics/series.ts';
import { beginToTell, type Observe } from './observe/open-observe.ts';
import { compilePlan } from './plan/plan.ts';
import { type Random, systemRandom } from './random.ts';
import type { PrimaryCalls } from './session/shared/primary-calls.ts';

/** A configuration with the texts of the files that it names. */
export interface Version {
  config: Config;
  files: Files;
}

/** A version that is opened and not in force. One of the two has to be called, once. */
export interface Prepared {
  /** From now on it decides. It cannot fail. Resolves when it listens everywhere. */
  commit(): Promise<void>;
  /** Gives back what was opened for it; everything stays as it was. */
  abort(): Promise<void>;
}

export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:4180`. */
  url: string;
  adminUrl: string | undefined;
  /**
   * Goes on by another configuration, without losing a request, a connection or a session. Rejects, with nothing
   * changed, when it cannot be used.
   */
  adopt(config: Config, files?: Files): Promise<void>;
  /** The same in two steps. One at a time: the next one waits for what becomes of this one. */
  prepare(version: Version): Promise<Prepared>;
  health: Estate['health'];
  /** What this process counts; undefined while metrics are off. */
  metrics(): Promise<MetricValues[] | undefined>;
  /** What this process says for the status page. */
  status(): ProcessStatus;
  people: Estate['people'];
  drain: Estate['drain'];
  close: Estate['close'];
}

export interface GatewayNeeds {
  /** Who is told of what happens. */
  observe: Pick<Observe, 'emit' | 'keepSecrets' | 'check' | 'apply' | 'troubles'> &
    Partial<Pick<Observe, 'metrics' | 'figures' | 'traces'>>;
  clock?: Clock;
  random?: Random;
  /** The line of a worker to its primary process. */
  primary?: PrimaryCalls | undefined;
  /** Where the admin listener is that somebody else has opened for it; else the gateway opens one of its own. */
  admin?: { url: string | undefined } | undefined;
  /** Where the files stand that the configuration names; on the disk as it is now when absent. */
  files?: Files;
}

/** What is known and can be done in this process alone. */
function ownControls(
  { health, drain, people }: Pick<Estate, 'health' | 'drain' | 'people'>,
  { metrics, status }: Pick<Gateway, 'metrics' | 'status'>,
  inForce: () => Config,
  { now }: Pick<Clock, 'now'>,
): Controls {
  return {
    health: async () => health(),
    async metrics(format) {
      const own = await metrics();
      if (!own) return undefined;
      return renderMetrics([own, commonGauges(health(), inForce().providers, [])], format);
    },
    async status() {
      const processes = [status()];
      return statusOf({
        config: inForce(),
        health: health(),
        processes,
        wanted: 1,
        expiries: [],
        now: now(),
      });
    },
    reload: async () => ({ result: 'refused', problems: ['this gateway was not started from a file'] }),
    drain: async () => drain(),
    config: () => inForce().shown,
    people,
  };
}

/** Where it listens: the first address, and what all of them are called. */
function placesOf({ listening }: Pick<Estate, 'listening'>) {
  const [{ url = '' } = {}] = listening();
  const names = listening().map(({ name }) => name);
  return { url, listen: names.length > 1 ? names : names[0] };
}

/**
 * Compiles the configuration to a plan and opens what it needs. Each request passes the stages of
 * request/pipeline.ts: arrive, admit, decide; what comes of them is forwarded, sent to a login or a stronger one,
 * answered, or refused, by the transport that it came through. Rejects when an address cannot be listened on or a
 * file cannot be read.
 */
export async function startGateway(config: Config, needs: GatewayNeeds): Promise<Gateway> {
  const { observe, clock = systemClock, random = systemRandom, primary, files = openFiles() } = needs;
  const { emit, keepSecrets } = observe;
  const estate = openEstate({ emit, clock, random, primary, traces: observe.traces });
  const metrics = async () => observe.metrics?.read();
  const status = () => ({ figures: observe.figures?.read() ?? noFigures, readings: estate.readings() });
  let inForce = config;
  const exempt = primary ? undefined : tellExemptClients(emit);
  const prepare: Gateway['prepare'] = async (next) => {
    keepSecrets(next.config.secrets);
    // However many fail, the secrets in force stay known.
    const forget = () => keepSecrets(inForce.secrets);
    try {
      observe.check(next.config);
      await observe.traces?.prepare(next.config);
      const prepared = await estate.prepare(compilePlan(next.config, { read: next.files.read }));
      return {
        commit() {
          observe.apply(next.config);
          inForce = next.config;
          exempt?.adopt(inForce);
          return prepared.commit();
        },
        async abort() {
          forget();
          await prepared.abort();
        },
      };
    } catch (error) {
      forget();
      throw error;
    }
  };
  const adopt = async (next: Config, texts = openFiles()) => {
    await (await prepare({ config: next, files: texts })).commit();
  };
  let admin: AdminListener | undefined;
  const close = async (why?: Closing) => {
    await estate.close(why);
    await admin?.close();
  };
  try {
    const health = () => {
      const { missing, degraded } = estate.health();
      return healthOf(missing, [...degraded, ...observe.troubles()]);
    };
    const controls = ownControls({ ...estate, health }, { metrics, status }, () => inForce, clock);
    await beginToTell(observe, config, estate.readings);
    if (!needs.admin) admin = await startAdmin(config.admin, emit, controls, clock);
    await adopt(config, files);
    const { url, listen } = placesOf(estate);
    const adminUrl = needs.admin ? needs.admin.url : admin?.url;
    emit({ kind: 'listening', listen, admin: adminUrl, publicUrl: config.publicUrl });
    const { people, drain } = estate;
    return { url, adminUrl, adopt, prepare, health, metrics, status, people, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}
