import {
  type Context,
  createTraceState,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import { cutText } from '../sinks/quoted.ts';
import type { Trace, TracedRequest, UpstreamCall, UpstreamCallFacts } from '../trace.ts';
import { addressAttributes, methodOf, requestAttributes, routeNameOf } from './attributes.ts';
import { parseTraceparent, putContext, type RemoteContext, readContext, traceparentOf } from './context.ts';
import { type AttributesOf, type PartName, type SpanName, spans } from './definitions.ts';
import type { Scopes } from './scopes.ts';

/** What spans are made with. Loaded only where `tracing` is on. */
export interface TracerParts {
  otel: OtelTracer;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  scopes: Scopes<Scope>;
  hide(text: string): string;
  /** Whether `traceparent` is taken and sent (`OTEL_PROPAGATORS`). */
  propagates: boolean;
  /** How many spans are open has changed. */
  counted(change: 1 | -1): void;
}

/** A call that has ended, of which nothing was known as it began. */
export interface EndedCall<Name extends SpanName = SpanName> {
  name: Name;
  title: string;
  attributes: AttributesOf<Name>;
  ms: number;
  failed: boolean;
}

/** A span that others may be under. */
export interface Scope {
  isOpen: boolean;
  readonly traceId: string;
  readonly traceparent: string;
  part<T>(name: PartName, work: () => T): T;
  record(call: EndedCall): void;
  /** Nothing more comes under it here; it ends elsewhere. */
  leave(): void;
}

/** A trace from the side of those who watch: they say when its request has ended. */
export interface OpenTrace extends Trace {
  /** The gateway answers with an error. */
  failed(code: string): void;
  end(exchange: ObservedExchange, status: number, durationMs: number): void;
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

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

/** Records a call that belongs to no request: what is known of a provider is everybody's. */
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

/** Seconds and nanoseconds: the library takes a small number for one of another clock. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Spans wait in memory: a client that sends long paths must not fill it. */
const longestValue = 1024;

/** Sets what is there, without known secrets. */
function describe<Name extends SpanName>(
  span: Span,
  attributes: AttributesOf<Name>,
  hide: TracerParts['hide'],
): void {
  for (const [name, value] of Object.entries(attributes as Record<string, string | number | undefined>)) {
    if (value === undefined) continue;
    span.setAttribute(name, typeof value === 'string' ? cutText(hide(value), longestValue) : value);
  }
}

function recordUnder({ otel, hide }: TracerParts, context: Context, call: EndedCall, endedAt: number): void {
  const { name, title, attributes, ms, failed } = call;
  const startTime = timeOf(endedAt - ms);
  const span = otel.startSpan(title, { kind: kinds[spans[name].kind], startTime }, context);
  describe(span, attributes, hide);
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(timeOf(endedAt));
}

/** A span of this process, or of another one, under which there are more. */
class OpenSpan implements Scope {
  readonly parts: TracerParts;
  readonly span: Span;
  /** The time of day at the zero of the monotonic clock, as it was when the trace began. */
  readonly origin: number;
  isOpen = true;
  readonly #context: Context;

  constructor(parts: TracerParts, span: Span, origin: number) {
    this.parts = parts;
    this.span = span;
    this.origin = origin;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    parts.counted(1);
  }

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.span.spanContext();
    return traceparentOf(traceId, spanId, (traceFlags & TraceFlags.SAMPLED) !== 0);
  }

  begin(name: SpanName, title: string): OpenSpan {
    const { otel } = this.parts;
    const options = { kind: kinds[spans[name].kind], startTime: timeOf(this.#now()) };
    return new OpenSpan(this.parts, otel.startSpan(title, options, this.#context), this.origin);
  }

  part<T>(name: PartName, work: () => T): T {
    const part = this.begin(name, name);
    return this.parts.scopes.run(part, work, (error) => {
      const type = error === undefined ? undefined : wordOf(error);
      part.end({ 'error.type': type } satisfies AttributesOf<PartName>, type !== undefined);
    });
  }

  record(call: EndedCall): void {
    recordUnder(this.parts, this.#context, call, this.#now());
  }

  end(attributes: AttributesOf<SpanName>, failed: boolean, at = this.#now()): void {
    if (!this.isOpen) return;
    describe(this.span, attributes, this.parts.hide);
    if (failed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end(timeOf(at));
    this.leave();
  }

  leave(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.parts.counted(-1);
  }

  #now(): number {
    return this.origin + this.parts.clock.monotonic();
  }
}

/** What stands for an error, of which there are few. */
const wordOf = (error: unknown): string =>
  error instanceof GatewayError ? error.code : error instanceof Error ? error.name : 'internal';

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

/** Others may record what this gateway does not: it hands on which trace it is, and that it was not chosen. */
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
