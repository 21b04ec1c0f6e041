import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { ObservedExchange } from '../observed-exchange.ts';
import type { Trace, TracedRequest, UpstreamCall, UpstreamCallFacts } from '../trace.ts';
import { addressAttributes, methodOf, requestAttributes, routeNameOf } from './attributes.ts';
import { parseTraceparent, putContext, type RemoteContext, readContext, traceparentOf } from './context.ts';
import type { AttributesOf, PartName } from './definitions.ts';
import { type EndedCall, OpenSpan, recordUnder, type Scope, type TracerParts, timeOf } from './open-span.ts';

/** A trace as the sink of events sees it, which says when the request has ended. */
export interface OpenTrace extends Trace {
  /** The gateway answers with an error. */
  failed(code: string): void;
  end(exchange: ObservedExchange, status: number, durationMs: number): void;
}

/** Begins the trace of a request: a new one, or the one of a peer that is trusted. */
export function beginTrace(parts: TracerParts, request: TracedRequest): OpenTrace {
  const { otel, clock, propagates } = parts;
  const remote = propagates && request.peer.trusted ? readContext(request.request.headers) : undefined;
  const origin = clock.now() - clock.monotonic();
  const startTime = timeOf(origin + request.startedAt);
  const span = otel.startSpan(request.method, { kind: SpanKind.SERVER, startTime }, contextOf(remote));
  const tracestate = remote?.tracestate;
  if (!span.isRecording()) return new UnrecordedTrace(span.spanContext(), tracestate, propagates);
  return new RecordedTrace(new OpenSpan(parts, span, origin), request.startedAt, tracestate);
}

/** Goes on with a span of another process of this gateway. */
export function continueTrace(parts: TracerParts, traceparent: string): Scope | undefined {
  const remote = parseTraceparent(traceparent);
  if (!remote) return undefined;
  const { clock } = parts;
  const span = trace.wrapSpanContext(spanContextOf({ ...remote, tracestate: undefined }));
  return new OpenSpan(parts, span, clock.now() - clock.monotonic());
}

/** Records a call on its own: the metadata and keys of a provider are asked for on behalf of all requests. */
export function recordAlone(parts: TracerParts, call: EndedCall): void {
  recordUnder(parts, ROOT_CONTEXT, call, parts.clock.now());
}

function contextOf(remote: RemoteContext | undefined): Context {
  return remote ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(remote)) : ROOT_CONTEXT;
}

function spanContextOf({ traceId, spanId, isSampled, tracestate }: RemoteContext): SpanContext {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const context = { traceId, spanId, traceFlags, isRemote: true };
  return tracestate === undefined ? context : { ...context, traceState: createTraceState(tracestate) };
}

class RecordedTrace implements OpenTrace {
  readonly id: string;
  readonly #span: OpenSpan;
  readonly #startedAt: number;
  readonly #tracestate: string | undefined;
  #code: string | undefined;

  constructor(span: OpenSpan, startedAt: number, tracestate: string | undefined) {
    this.id = span.traceId;
    this.#span = span;
    this.#startedAt = startedAt;
    this.#tracestate = tracestate;
  }

  within<T>(work: () => T): T {
    return this.#span.parts.scopes.run(this.#span, work, () => {});
  }

  part<T>(name: PartName, work: () => T): T {
    return this.#span.part(name, work);
  }

  call(headers: string[], { method, path, target }: UpstreamCallFacts, resends: number): UpstreamCall {
    const shown = methodOf(method);
    const call = this.#span.begin('upstream', shown);
    const { parts } = this.#span;
    if (parts.propagates) putContext(headers, call.traceparent, this.#tracestate);
    let status: number | undefined;
    return {
      answered(given) {
        status = given;
      },
      end(error) {
        const type = error ?? (status !== undefined && status >= 400 ? String(status) : undefined);
        const attributes: AttributesOf<'upstream'> = {
          'http.request.method': shown,
          'http.response.status_code': status,
          'http.request.resend_count': resends > 0 ? resends : undefined,
          ...addressAttributes(target.origin + path),
          'error.type': type,
          'sallyport.target': target.name,
        };
        call.end(attributes, type !== undefined);
      },
    };
  }

  failed(code: string): void {
    this.#code ??= code;
  }

  end(exchange: ObservedExchange, status: number, durationMs: number): void {
    const span = this.#span;
    const route = routeNameOf(exchange);
    const method = methodOf(exchange.method);
    span.span.updateName(route === undefined ? method : `${method} ${route}`);
    span.end(
      requestAttributes(exchange, status, this.#code),
      status >= 500,
      span.origin + this.#startedAt + Math.max(0, durationMs),
    );
  }
}

/** A trace that this gateway does not record, and others may: its id goes upstream, with the flag that says so. */
class UnrecordedTrace implements OpenTrace {
  readonly id: string;
  readonly #context: SpanContext;
  readonly #tracestate: string | undefined;
  readonly #propagates: boolean;

  constructor(context: SpanContext, tracestate: string | undefined, propagates: boolean) {
    this.id = context.traceId;
    this.#context = context;
    this.#tracestate = tracestate;
    this.#propagates = propagates;
  }

  within<T>(work: () => T): T {
    return work();
  }

  part<T>(_name: PartName, work: () => T): T {
    return work();
  }

  call(headers: string[]): undefined {
    const { traceId, spanId } = this.#context;
    if (this.#propagates) putContext(headers, traceparentOf(traceId, spanId, false), this.#tracestate);
  }

  failed(): void {}

  end(): void {}
}
