import type { Clock } from '../../clock.ts';
import type { AuditOptions } from '../audit-events.ts';
import type { Emit, Told } from '../events.ts';
import type { Figures } from '../figures/figures.ts';
import type { Meters } from '../metrics/meters.ts';
import type { Output } from '../output.ts';
import type { ProcessTraces } from '../traces/open-traces.ts';
import type { LogOptions } from './log-writer.ts';

/** Somebody who is told of everything that happens. */
export interface Sink {
  name: string;
  /** Whether it takes events of a kind, always the same; all of them where it does not say. What no sink takes is made for none. */
  wants?(kind: Told['kind']): boolean;
  /** Takes an event, and costs a request no more than a counter does. What it throws disturbs nobody. */
  take(event: Told): void;
  /** Resolves when everything so far is out of the process, or when nobody takes it. */
  flushed?(): Promise<void>;
  /** Throws where it could not go on by these, and changes nothing. */
  check?(options: SinkOptions): void;
  /** Goes on as another configuration says, or as the same one read again. */
  apply?(options: SinkOptions): void;
  /** What does not work of it. */
  troubles?(): readonly SinkTrouble[];
}

/** What the configuration says to sinks. */
export interface SinkOptions extends LogOptions {
  /** Undefined for no audit. */
  audit?: AuditOptions | undefined;
}

/** A part of what happens is not told at this time. */
export interface SinkTrouble {
  /** A stable name, such as `audit_not_written`. */
  reason: string;
  detail: string;
}

export interface SinkNeeds {
  clock: Clock;
  /** For what a sink has to say of itself. */
  emit: Emit;
  /** Takes known secrets out of a text. What sinks are told of a request has to pass it. */
  hide(text: string): string;
  /** Standard output, which all sinks share so that their lines do not mix. It is opened when it is asked for. */
  output(): Output;
  /** What this process counts. */
  meters: Pick<Meters, 'series'>;
  /** What is recorded of requests. */
  traces: Pick<ProcessTraces, 'failed' | 'ended' | 'called' | 'idHere'>;
  /** What of it the status page shows. */
  figures: Omit<Figures, 'read'>;
}

/** Opens a sink by what the configuration says of it. */
export type OpenSink = (options: SinkOptions, needs: SinkNeeds) => Sink;
