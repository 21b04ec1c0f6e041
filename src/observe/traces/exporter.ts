import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Emit } from '../events.ts';

/** Says once that spans do not arrive, and once that they do again, with how many were lost meanwhile. */
export function watchExporter(exporter: SpanExporter, emit: Emit): SpanExporter {
  let lost = 0;
  const told = (spans: readonly ReadableSpan[], { code, error }: ExportResult) => {
    if (code === ExportResultCode.SUCCESS) {
      if (lost > 0) emit({ kind: 'traces-exported', lost });
      lost = 0;
      return;
    }
    if (lost === 0) emit({ kind: 'traces-not-exported', error });
    lost += spans.length;
  };
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        told(spans, result);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}
