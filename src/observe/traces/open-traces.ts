import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Emit } from '../events.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import type { Trace, Traces } from '../trace.ts';
import type { Backend } from './backend.ts';
import { collectorOf, readEnvironment } from './environment.ts';
import type { EndedCall, Scope } from './open-span.ts';
import { createScopes } from './scopes.ts';
import type { OpenTrace } from './tracer.ts';

/** The traces of this process, over all configurations. */
export interface ProcessTraces extends Traces {
  /** Loads what a configuration needs. */
  prepare(config: Pick<Config, 'tracing'>): Promise<void>;
  /** Goes on as it says. Traces that have begun go on as they began. */
  apply(config: Pick<Config, 'tracing'>): void;
  /** Sends what there is, and ends. */
  close(): Promise<void>;
  /** The id of the recorded trace that is at work here. */
  idHere(): string | undefined;
  failed(exchange: ObservedExchange, code: string): void;
  ended(exchange: ObservedExchange, status: number, durationMs: number): void;
  /** @param isShared it has a trace of its own where it is part of none */
  called(call: () => EndedCall, isShared: boolean): void;
}

export interface TracesNeeds {
  emit: Emit;
  clock: Clock;
  hide(text: string): string;
}

/** All of them begin here. */
const openOf = (trace: Trace | undefined) => trace as OpenTrace | undefined;

/** Nothing of OpenTelemetry is loaded before a configuration with `tracing`. */
export function openTraces(needs: TracesNeeds): ProcessTraces {
  const scopes = createScopes<Scope>();
  const open = new Set<Backend>();
  let library: typeof import('./backend.ts') | undefined;
  let current: Backend | undefined;
  let inForce = 'off';

  const openCurrent = (tracing: Config['tracing']): Backend | undefined => {
    if (tracing === 'off' || !library) return undefined;
    try {
      return library.openBackend(tracing, { ...needs, scopes, env: process.env });
    } catch (error) {
      const collector = collectorOf(tracing, readEnvironment(process.env));
      needs.emit({ kind: 'traces-not-exported', collector, error });
      return undefined;
    }
  };
  return {
    async prepare({ tracing }) {
      if (tracing !== 'off') library ??= await import('./backend.ts');
    },
    apply({ tracing }) {
      const next = JSON.stringify(tracing);
      if (next === inForce) return;
      inForce = next;
      const before = current;
      before?.retire(() => open.delete(before));
      current = openCurrent(tracing);
      if (current) open.add(current);
    },
    async close() {
      current = undefined;
      inForce = 'off';
      const all = [...open];
      open.clear();
      await Promise.all(all.map((backend) => backend.close()));
    },
    begin: (request) => current?.begin(request),
    part(name, work) {
      const scope = scopes.current();
      return scope ? scope.part(name, work) : work();
    },
    carried: () => scopes.current()?.traceparent,
    continued(traceparent, work) {
      const scope = traceparent === undefined ? undefined : current?.continued(traceparent);
      return scope ? scopes.run(scope, work, () => scope.leave()) : work();
    },
    idHere: () => scopes.current()?.traceId,
    failed: ({ trace }, code) => openOf(trace)?.failed(code),
    ended: (exchange, status, durationMs) => openOf(exchange.trace)?.end(exchange, status, durationMs),
    called(call, isShared) {
      const scope = scopes.current();
      if (scope) scope.record(call());
      else if (isShared) current?.recordAlone(call());
    },
  };
}
