import type { PartName } from './traces/definitions.ts';

export { putContext } from './traces/context.ts';

/**
 * What those who handle a request see of tracing. Nothing of OpenTelemetry is known outside of `src/observe/traces`, and
 * nothing of it is loaded where `tracing` is off.
 */

/** What is looked at of a request as its trace begins. */
export interface TracedRequest {
  request: { headers: Readonly<Record<string, string | string[] | undefined>> };
  method: string;
  startedAt: number;
  peer: { trusted: boolean };
}

/** The trace that a request belongs to, recorded or not. */
export interface Trace {
  /** 32 digits, for the log and for the other programs that have a part in it. */
  readonly id: string;
  /** Does work for the request: what is asked of others meanwhile is told under it. */
  within<T>(work: () => T): T;
  /** Does a part of that work, which has a span of its own. */
  part<T>(name: PartName, work: () => T): T;
  /**
   * A request to the upstream begins. Puts `traceparent` and `tracestate` in the place of those that came.
   * @param headers of that request: name, value, name, value
   * @param resends how often it was sent before
   */
  call(headers: string[], call: UpstreamCallFacts, resends: number): UpstreamCall | undefined;
}

export interface UpstreamCallFacts {
  method: string;
  /** Path and query. */
  path: string;
  target: { readonly origin: string; readonly name: string };
}

/** A request to the upstream, as far as it is told. */
export interface UpstreamCall {
  answered(status: number): void;
  /** @param error a bounded word for what went wrong; undefined for nothing */
  end(error: string | undefined): void;
}

/** How traces begin, and go on where no request is in hand. */
export interface Traces {
  /** Undefined while there are none. */
  begin(exchange: TracedRequest): Trace | undefined;
  /** Does work that has a span of its own, if it is part of a trace that is recorded. */
  part<T>(name: PartName, work: () => T): T;
  /** The `traceparent` of what is under way here, for another process of this gateway; undefined where nothing is. */
  carried(): string | undefined;
  /** Goes on with what another process of this gateway has begun. */
  continued<T>(traceparent: string | undefined, work: () => T): T;
}

/** For those who are not told of any. */
export const noTraces: Traces = {
  begin: () => undefined,
  part: (_name, work) => work(),
  carried: () => undefined,
  continued: (_traceparent, work) => work(),
};

/** Does a part of the work for a request. */
export const partOf = <T>(trace: Trace | undefined, name: PartName, work: () => T): T =>
  trace === undefined ? work() : trace.part(name, work);
