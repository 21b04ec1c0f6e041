import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import type { Emit, Event } from './events.ts';
import { createKnownSecrets } from './known-secrets.ts';
import { type Meters, openMeters } from './metrics/meters.ts';
import { describeError } from './scrub.ts';
import { standardSinks } from './sinks/index.ts';
import type { LogOptions } from './sinks/log-writer.ts';
import type { OpenSink, Sink } from './sinks/sink.ts';
import { tellable } from './tell.ts';

/** Takes what happens and tells every sink. */
export interface Observe {
  emit: Emit;
  /** Keeps secrets out of whatever sinks are told: they may stand in what a provider or an upstream says. */
  keepSecrets(secrets: readonly string[]): void;
  /** Resolves when everything so far is out of the process, or when nobody takes it. */
  flushed(): Promise<void>;
  /** Goes on as another configuration says. */
  apply(config: Observed): void;
  /** What this process counts; nothing before it is configured. */
  metrics: Pick<Meters, 'configure' | 'watch' | 'read'>;
}

/** What of a configuration says who is told of what happens, and how. */
export type Observed = Pick<Config, 'logging' | 'metrics'>;

/** Whether it says the same of both. */
export const observesAlike = (one: Observed, other: Observed): boolean =>
  countsAlike(one, other) && JSON.stringify(one.logging) === JSON.stringify(other.logging);

/** Whether what was counted by the one goes on by the other. */
export const countsAlike = (one: Pick<Config, 'metrics'>, other: Pick<Config, 'metrics'>): boolean =>
  JSON.stringify(one.metrics) === JSON.stringify(other.metrics);

/** `auto` is for people on a terminal, and for programs elsewhere. */
export function logOptions({ level, format, access }: Config['logging']): LogOptions {
  const pretty = format === 'auto' ? process.stdout.isTTY === true : format === 'pretty';
  return { level, pretty, combined: format === 'combined', access };
}

export interface ObserveNeeds {
  clock: Clock;
  sinks?: readonly OpenSink[];
}

export function openObserve(
  options: LogOptions,
  { clock, sinks: openers = standardSinks }: ObserveNeeds,
): Observe {
  const secrets = createKnownSecrets();
  const meters = openMeters();
  const failed = new Set<Sink>();
  let sinks: readonly Sink[] = [];

  /** By kind, as they come. */
  const takers = new Map<Event['kind'], readonly Sink[]>();
  const takersOf = (kind: Event['kind']) => {
    const taking = sinks.filter((sink) => sink.wants?.(kind) ?? true);
    takers.set(kind, taking);
    return taking;
  };

  const emit = (event: Event) => {
    if (sinks.length === 0) return;
    const taking = takers.get(event.kind) ?? takersOf(event.kind);
    if (taking.length === 0) return;
    const told = tellable(event, secrets.hide);
    for (const sink of taking) {
      try {
        sink.take(told);
      } catch (error) {
        report(sink, error);
      }
    }
  };
  /** Said once for each sink, to those that have not failed. */
  const report = (sink: Sink, error: unknown) => {
    if (failed.has(sink)) return;
    failed.add(sink);
    if (sinks.every((each) => failed.has(each)))
      process.emitWarning(`the sink ${sink.name} failed: ${secrets.hide(describeError(error))}`);
    else emit({ kind: 'sink-failed', sink: sink.name, error });
  };
  sinks = openers.map((open) => open(options, { clock, emit, meters }));

  return {
    emit,
    keepSecrets: secrets.keep,
    apply({ logging, metrics }) {
      meters.configure(metrics);
      for (const sink of sinks) sink.apply?.(logOptions(logging));
    },
    metrics: meters,
    async flushed() {
      await Promise.all(sinks.map((sink) => sink.flushed?.()));
    },
  };
}
