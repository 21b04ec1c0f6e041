import { TraceFlags } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Emit } from '../events.ts';

/**
 * Sends spans, and says once that they do not arrive, and once that they do again, with how many were lost meanwhile.
 * @param collector the origin that they are sent to, for the log
 * @param batches makes what gathers spans for an exporter, in their order; where it has no room for one, it drops it
 * without a word
 */
export function watchedProcessors(
  exporter: SpanExporter,
  { emit, collector }: { emit: Emit; collector: string | undefined },
  batches: (exporter: SpanExporter) => SpanProcessor,
): SpanProcessor[] {
  /** Which of the recorded spans one is. */
  const places = new WeakMap<ReadableSpan, number>();
  let ended = 0;
  let sent = 0;
  let lost = 0;
  const told = (failed: number, dropped: number, error: unknown, hasRoom: boolean) => {
    if (failed + dropped === 0) {
      // Else it would be said again and again of a collector that is too slow.
      if (!hasRoom) return;
      if (lost > 0) emit({ kind: 'traces-exported', collector, lost });
      lost = 0;
      return;
    }
    if (lost === 0) emit({ kind: 'traces-not-exported', collector, error });
    lost += failed + dropped;
  };
  const watched: SpanExporter = {
    export(spans, done) {
      const last = places.get(spans.at(-1) as ReadableSpan) ?? sent;
      // Those between that are in no message had no room.
      const dropped = Math.max(0, last - sent - spans.length);
      sent = last;
      exporter.export(spans, (result: ExportResult) => {
        const hasRoom = ended - last <= spans.length;
        if (result.code === ExportResultCode.SUCCESS) told(0, dropped, new Error(tooMany), hasRoom);
        else told(spans.length, dropped, result.error, hasRoom);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
  const counting: SpanProcessor = {
    onStart() {},
    onEnd(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
      ended += 1;
      places.set(span, ended);
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  return [counting, batches(watched)];
}

const tooMany = 'there are more than the collector takes, or OTEL_BSP_MAX_QUEUE_SIZE has room for';
