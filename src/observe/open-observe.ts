import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import type { Emit, Event } from './events.ts';
import { type Figures, openFigures } from './figures/figures.ts';
import { createKnownSecrets } from './known-secrets.ts';
import { type Meters, openMeters } from './metrics/meters.ts';
import { type Output, openOutput } from './output.ts';
import { describeError } from './scrub.ts';
import { standardSinks } from './sinks/index.ts';
import type { OpenSink, Sink, SinkOptions, SinkTrouble } from './sinks/sink.ts';
import { tellable } from './tell.ts';
import type { Traces } from './trace.ts';
import { openTraces, type ProcessTraces } from './traces/open-traces.ts';

/** Takes what happens and tells every sink. */
export interface Observe {
  emit: Emit;
  /** Keeps secrets out of whatever sinks are told: they may stand in what a provider or an upstream says. */
  keepSecrets(secrets: readonly string[]): void;
  /** Resolves when everything so far is out of the process, or when nobody takes it. */
  flushed(): Promise<void>;
  /** Throws where it could not go on as a configuration says, and changes nothing. */
  check(config: Observed): void;
  /** Goes on as another configuration says, or as the same one read again. */
  apply(config: Observed): void;
  /** What of it does not work. */
  troubles(): readonly SinkTrouble[];
  /** What this process counts; nothing before it is configured. */
  metrics: Pick<Meters, 'configure' | 'watch' | 'read'>;
  traces: Traces & Pick<ProcessTraces, 'prepare' | 'apply' | 'close'>;
  /** What of it the status page shows. */
  figures: Pick<Figures, 'read'>;
}

/** What of a configuration says who is told of what happens, and how. */
export type Observed = Pick<Config, 'logging' | 'audit' | 'metrics' | 'tracing'>;

/**
 * Before the first plan: to look for its providers is told too.
 * @param readings what is read when somebody asks
 */
export async function beginToTell(
  { metrics, traces }: Partial<Pick<Observe, 'metrics' | 'traces'>>,
  config: Pick<Config, 'metrics' | 'tracing'>,
  readings?: Parameters<Meters['watch']>[0],
): Promise<void> {
  metrics?.configure(config.metrics);
  if (readings) metrics?.watch(readings);
  await traces?.prepare(config);
  traces?.apply(config);
}

/** Whether what was counted by the one goes on by the other. */
export const countsAlike = (one: Pick<Config, 'metrics'>, other: Pick<Config, 'metrics'>): boolean =>
  JSON.stringify(one.metrics) === JSON.stringify(other.metrics);

/** `auto` is for people on a terminal, and for programs elsewhere. */
export function sinkOptions({ logging, audit }: Pick<Observed, 'logging' | 'audit'>): SinkOptions {
  const { level, format, access } = logging;
  const pretty = format === 'auto' ? process.stdout.isTTY === true : format === 'pretty';
  return { level, pretty, combined: format === 'combined', access, ...(audit !== 'off' && { audit }) };
}

export interface ObserveNeeds {
  clock: Clock;
  sinks?: readonly OpenSink[];
}

export function openObserve(
  options: SinkOptions,
  { clock, sinks: openers = standardSinks }: ObserveNeeds,
): Observe {
  const secrets = createKnownSecrets();
  const { hide } = secrets;
  const meters = openMeters();
  const figures = openFigures(clock, hide);
  const { emit, tellFromNow } = createTeller(hide);
  const traces = openTraces({ clock, emit, hide });
  const parts = { clock, emit, hide, output: sharedOutput(clock, emit), meters, figures, traces };
  const sinks = openers.map((open) => open(options, parts));
  tellFromNow(sinks);

  return {
    emit,
    keepSecrets: secrets.keep,
    check(config) {
      for (const sink of sinks) sink.check?.(sinkOptions(config));
    },
    apply(config) {
      meters.configure(config.metrics);
      traces.apply(config);
      for (const sink of sinks) sink.apply?.(sinkOptions(config));
    },
    troubles: () => sinks.flatMap((sink) => sink.troubles?.() ?? []),
    metrics: meters,
    figures,
    traces,
    flushed: () => Promise.all(sinks.map((sink) => sink.flushed?.())).then(() => {}),
  };
}

/** Tells sinks of what happens. What one throws disturbs nobody. */
function createTeller(hide: (text: string) => string) {
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
    const told = tellable(event, hide);
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
      process.emitWarning(`the sink ${sink.name} failed: ${hide(describeError(error))}`);
    else emit({ kind: 'sink-failed', sink: sink.name, error });
  };
  const tellFromNow = (opened: readonly Sink[]) => {
    sinks = opened;
  };
  return { emit, tellFromNow };
}

/** Standard output, opened when it is first asked for. */
function sharedOutput(clock: Clock, emit: Emit): () => Output {
  let output: Output | undefined;
  return () => {
    if (output) return output;
    output = openOutput(clock);
    output.onDropped((lines, reason) => emit({ kind: 'log-lines-dropped', lines, reason }));
    return output;
  };
}
