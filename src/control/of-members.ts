import type { Config } from '../config/schema/index.ts';
import { GatewayError } from '../errors.ts';
import { type Degraded, type Health, healthOf } from '../estate/health.ts';
import { notAnswering, starting } from '../estate/stop.ts';
import type { ListedSession, People } from '../session/people.ts';
import type { Answers, Members } from './members.ts';
import type { PrimaryQuestion } from './questions.ts';

/**
 * All of them as one: it is ready when each that answers is, and one does.
 * @param own what their primary process knows by itself
 */
export function healthOfAll({ answers, silent }: Answers, own: Health): Health {
  if (answers.length === 0) return healthOf([silent > 0 ? notAnswering : starting]);
  const all = [...(answers as Health[]), own];
  const degraded = new Map<string, Degraded>();
  for (const each of all.flatMap((health) => health.degraded))
    degraded.set(JSON.stringify([each.reason, each.name]), each);
  if (silent > 0) {
    const detail = `${silent} of ${answers.length + silent} processes do not answer`;
    degraded.set('', { reason: 'process_silent', detail });
  }
  return healthOf([...new Set(all.flatMap(({ missing }) => missing))], [...degraded.values()]);
}

/** A store answers sooner, or is out. */
const peopleMs = 60_000;

/** The sessions of people, which each of the workers reaches all of. */
export function peopleOf({ askOne }: Members, { session: { store } }: Config): People {
  const ask = async (question: PrimaryQuestion) => {
    try {
      return await askOne(question, peopleMs);
    } catch (cause) {
      throw new GatewayError('store_unavailable', { retryAfter: 1, cause });
    }
  };
  return {
    listing: store.kind === 'cookie' ? 'none' : 'all',
    list: async (user) => (await ask({ kind: 'list', user })) as ListedSession[],
    end: async (id) => (await ask({ kind: 'end', id })) as boolean,
    endAll: async (user) => (await ask({ kind: 'endAll', user })) as number | undefined,
  };
}
