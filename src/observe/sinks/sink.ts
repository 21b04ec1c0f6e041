import type { Clock } from '../../clock.ts';
import type { Emit, Told } from '../events.ts';
import type { Meters } from '../metrics/meters.ts';
import type { LogOptions, LogSettings } from './log-writer.ts';

/** Somebody who is told of everything that happens. */
export interface Sink {
  name: string;
  /** Whether it takes events of a kind, always the same; all of them where it does not say. What no sink takes is made for none. */
  wants?(kind: Told['kind']): boolean;
  /** Takes an event, and costs a request no more than a counter does. What it throws disturbs nobody. */
  take(event: Told): void;
  /** Resolves when everything so far is out of the process, or when nobody takes it. */
  flushed?(): Promise<void>;
  /** Goes on as another configuration says. */
  apply?(options: LogSettings): void;
}

export interface SinkNeeds {
  clock: Clock;
  /** For what a sink has to say of itself. */
  emit: Emit;
  /** What this process counts. */
  meters: Pick<Meters, 'series'>;
}

/** Opens a sink by what the configuration says of it. */
export type OpenSink = (options: LogOptions, needs: SinkNeeds) => Sink;
