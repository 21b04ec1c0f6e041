import { type Clock, within } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';
import type { Holdings } from '../holdings.ts';
import type { Emit } from '../observe/events.ts';
import type { Random } from '../random.ts';
import type { Grant } from '../session/outcome.ts';
import type { ClaimNeeds } from './claim-paths.ts';
import { connectProviders, foundSoonMs } from './provider/providers.ts';
import { createGrants } from './provider/refresh.ts';
import type { Trouble } from './provider/standing.ts';

/** Asks the providers for new tokens in the place of others: of the workers of a primary process. */
export interface Granter {
  /**
   * The same function over all configurations. A provider that is not known here, though a worker asks for it, ends no
   * session: that worker goes by another configuration than this process does at the moment.
   */
  grant: Grant;
  /**
   * Opens other providers beside those that are asked. Throws, with nothing changed, when a file that it names cannot be
   * used.
   */
  prepare(
    configured: Config['providers'],
    claims: Pick<ClaimNeeds, 'claimPaths'>,
    read: ReadFile,
  ): NextProviders;
  /** What does not work of the providers, as this process sees it. */
  troubles(): Trouble[];
  /** The providers are not looked for any more, and what is known of them is given back. */
  close(): Promise<void>;
}

/** Providers that are opened and not asked. One of `commit` and `abort` has to be called, once. */
export interface NextProviders {
  /** Resolves when each was found, or could not be, or takes its time: nobody has to wait for one that is away. */
  found: Promise<unknown>;
  /**
   * Goes on with these; those who ask of the ones before get their answer. To be called before the workers go by the same
   * configuration.
   */
  commit(): void;
  /** Gives back what was opened. Calls that hang meanwhile are not waited for. */
  abort(): void;
}

export interface GranterNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  holdings: Holdings;
}

/** The providers of one configuration. */
interface Asking {
  grant: Grant;
  /** Resolves when each was found, or could not be for the first time. */
  prepared: Promise<void>;
  troubles(): Trouble[];
  /** Closes when the last question has its answer. */
  retire(): void;
  close(): Promise<void>;
}

export function openGranter(needs: GranterNeeds): Granter {
  const { emit, clock } = needs;
  const open = new Set<Asking>();
  let current: Asking | undefined;

  return {
    grant: async (session, renewal) =>
      (await current?.grant(session, renewal)) ?? { kind: 'unavailable', retryAfter: 1 },
    prepare(configured, claims, read) {
      const next = openAsking(configured, claims, { ...needs, read }, (closed) => {
        open.delete(next);
        closed.catch((error) => emit({ kind: 'part-not-closed', error }));
      });
      open.add(next);
      return {
        found: within(clock, foundSoonMs, next.prepared),
        commit() {
          const before = current;
          current = next;
          before?.retire();
        },
        abort: () => next.retire(),
      };
    },
    troubles: () => current?.troubles() ?? [],
    async close() {
      await Promise.all([...open].map((asking) => asking.close()));
    },
  };
}

function openAsking(
  configured: Config['providers'],
  { claimPaths }: Pick<ClaimNeeds, 'claimPaths'>,
  { holdings, ...rest }: GranterNeeds & { read: ReadFile },
  onRetired: (closed: Promise<void>) => void,
): Asking {
  const lease = holdings.lease();
  const needs = { ...rest, keep: lease.keep };
  const connect = () => {
    try {
      return connectProviders(configured, needs);
    } catch (error) {
      void lease.release();
      throw error;
    }
  };
  const providers = connect();
  const ask = createGrants({ providers, claimPaths, ...needs });
  let underWay = 0;
  let isRetired = false;
  const close = () => {
    providers.close();
    return lease.release();
  };
  const closeWhenIdle = () => {
    if (isRetired && underWay === 0) onRetired(close());
  };
  return {
    async grant(session, renewal) {
      if (!providers.get(session.provider)) return { kind: 'unavailable', retryAfter: 1 };
      underWay += 1;
      try {
        return await ask(session, renewal);
      } finally {
        underWay -= 1;
        closeWhenIdle();
      }
    },
    prepared: providers.tried,
    troubles: providers.troubles,
    retire() {
      isRetired = true;
      closeWhenIdle();
    },
    close,
  };
}
