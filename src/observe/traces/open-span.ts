import {
  type Context,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { cutText } from '../sinks/quoted.ts';
import { traceparentOf } from './context.ts';
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

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/** A time of day in milliseconds as seconds and nanoseconds: the library takes a small number for one of another clock. */
export function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Spans wait in memory: a client that sends long paths must not fill it. */
const longestValue = 1024;

/** Sets the attributes that have a value, without known secrets. */
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

/** @param endedAt the time of day in milliseconds */
export function recordUnder(
  { otel, hide }: TracerParts,
  context: Context,
  call: EndedCall,
  endedAt: number,
): void {
  const { name, title, attributes, ms, failed } = call;
  const startTime = timeOf(endedAt - ms);
  const span = otel.startSpan(title, { kind: kinds[spans[name].kind], startTime }, context);
  describe(span, attributes, hide);
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(timeOf(endedAt));
}

/** A span of this process, or of another one, under which there are more. */
export class OpenSpan implements Scope {
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

/** A word for an error, of which there are few. */
const wordOf = (error: unknown): string =>
  error instanceof GatewayError ? error.code : error instanceof Error ? error.name : 'internal';
