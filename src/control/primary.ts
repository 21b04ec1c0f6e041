import { type Clock, within } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import { healthOf } from '../estate/health.ts';
import { stopping } from '../estate/stop.ts';
import type { Prepared } from '../gateway.ts';
import { createHoldings } from '../holdings.ts';
import { type NextProviders, openGranter } from '../identity/granter.ts';
import { tellExemptClients } from '../limits/exempt-clients.ts';
import { countDown } from '../listen/shutdown.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import { startWorkers } from '../listen/workers.ts';
import { beginToTell, countsAlike, type Observe } from '../observe/open-observe.ts';
import type { Plan } from '../plan/plan.ts';
import { usablePlan } from '../plan/usable.ts';
import type { Random } from '../random.ts';
import { createCounting } from './counting.ts';
import { createMembers, type Members } from './members.ts';
import { healthOfAll, peopleOf } from './of-members.ts';
import type { SentVersion } from './questions.ts';
import type { Running } from './running.ts';
import { sentOf } from './version.ts';

export interface PrimaryNeeds {
  observe: Pick<
    Observe,
    'emit' | 'keepSecrets' | 'check' | 'apply' | 'troubles' | 'metrics' | 'figures' | 'traces'
  >;
  clock: Clock;
  random: Random;
  /** Where the admin listener is. */
  adminUrl(): string | undefined;
  /** Called with the exit code of a worker that ended before any of them could serve. */
  onFailure(code: number): void;
}

/** A worker that is busy for longer does not count. */
const healthMs = 1500;
/** So much is missing at the most from the plots of a worker that was killed. */
const lookMs = 60_000;
/** What calls to a provider get at the end. */
const longestReleaseMs = 1000;

/** Starts the workers, and holds what they have in common: they are commanded as one. */
export async function startPrimary(first: LoadedConfig, needs: PrimaryNeeds): Promise<Running> {
  const { observe, clock, random, adminUrl, onFailure } = needs;
  const { emit, keepSecrets } = observe;
  const granter = openGranter({ emit, clock, random, holdings: createHoldings() });
  const prepareGrants = ({ config, claims, read }: Plan) => granter.prepare(config.providers, claims, read);
  await beginToTell(observe, first.config);
  keepSecrets(first.config.secrets);
  await removeStaleSockets(first);
  const plan = usablePlan(first);
  prepareGrants(plan).commit();
  // Every file of it is known now.
  let inForce: Sending = { loaded: first, plan, sent: sentOf(first, 1) };

  const exempt = tellExemptClients(emit, first.config);
  const counting = createCounting();
  const members = createMembers({ emit, clock, version: () => inForce.sent, adminUrl, counting });
  const workers = startWorkers({
    count: first.config.workers,
    emit,
    clock,
    grant: granter.grant,
    traces: observe.traces,
    onFailure,
    started: members.join,
  });

  const adopt = (next: Sending) => {
    if (!countsAlike(next.loaded.config, inForce.loaded.config)) counting.clear();
    inForce = next;
  };
  const prepare = createPreparing({ inForce: () => inForce, members, prepareGrants, observe, exempt }, adopt);

  const looking = clock.every(lookMs, () => void members.look()).unref();
  let isEnding = false;
  return {
    async prepare(next) {
      if (isEnding) throw new Error(stopping);
      return prepare(next);
    },
    async health() {
      if (isEnding) return healthOf([stopping]);
      const ofProviders = healthOf([], [...granter.troubles(), ...observe.troubles()]);
      return healthOfAll(await members.askAll({ kind: 'health' }, healthMs), ofProviders);
    },
    metrics: () => countAll(observe, members),
    status: async () => ({ ...(await members.look()), wanted: first.config.workers }),
    people: () => peopleOf(members, inForce.loaded.config),
    drain: workers.drain,
    async close() {
      isEnding = true;
      looking.cancel();
      const { timeout } = inForce.loaded.config.shutdown;
      const left = countDown(timeout, clock);
      await workers.close(timeout);
      // Calls to a provider that hang go with the process.
      await within(clock, Math.min(longestReleaseMs, left.forClosing()), closeAll([granter, observe.traces]));
    },
  };
}

/** What is counted here and by the workers; undefined where nothing is. */
async function countAll({ metrics }: Pick<Observe, 'metrics'>, members: Members) {
  const own = await metrics.read();
  return own && [own, ...(await members.count())];
}

const closeAll = (parts: readonly { close(): Promise<void> }[]) =>
  Promise.all(parts.map((part) => part.close()));

/** For the workers, which listen by this process. */
async function removeStaleSockets({ config }: LoadedConfig): Promise<void> {
  for (const { address } of config.listen) await removeStaleSocket(address);
}

/** A version with its plan, and in the form in which workers get it. */
interface Sending {
  loaded: LoadedConfig;
  plan: Plan;
  sent: SentVersion;
}

interface PreparingNeeds extends Pick<PrimaryNeeds, 'observe'> {
  inForce(): Sending;
  members: Members;
  /** Has this process find the providers of a version. Throws when a file of theirs cannot be used. */
  prepareGrants(plan: Plan): NextProviders;
  exempt: ReturnType<typeof tellExemptClients>;
}

/** Takes this process and its workers from one version to the next, or leaves all of them where they are. */
function createPreparing(
  { inForce, members, prepareGrants, observe, exempt }: PreparingNeeds,
  putInForce: (next: Sending) => void,
): Running['prepare'] {
  let last = inForce().sent.number;
  const prepareAll = async (next: LoadedConfig): Promise<Prepared> => {
    const before = inForce();
    observe.check(next.config);
    await observe.traces.prepare(next.config);
    const plan = usablePlan(next);
    await removeStaleSockets(next);
    const sent = sentOf(next, ++last);
    // Beside the workers, which look for the same ones.
    const grants = prepareGrants(plan);
    const opening = members.prepare(sent).catch((error: unknown) => {
      grants.abort();
      throw error;
    });
    const [opened] = await Promise.all([opening, grants.found]);
    return {
      commit() {
        observe.apply(next.config);
        exempt.adopt(next.config);
        putInForce({ loaded: next, plan, sent });
        grants.commit();
        return opened.commit();
      },
      async abort() {
        observe.keepSecrets(before.loaded.config.secrets);
        grants.abort();
        await opened.abort();
      },
    };
  };
  return async (next) => {
    observe.keepSecrets(next.config.secrets);
    try {
      return await prepareAll(next);
    } catch (error) {
      observe.keepSecrets(inForce().loaded.config.secrets);
      throw error;
    }
  };
}
