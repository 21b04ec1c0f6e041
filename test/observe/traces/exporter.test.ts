import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { test } from 'tap';
import type { Event } from '../../../src/observe/events.ts';
import { watchedProcessors } from '../../../src/observe/traces/exporter.ts';

/** Spans that are gathered as the library does it, for a collector whose answers come when the test says. */
function observeBatches() {
  const said: Event[] = [];
  const waiting: ((result: ExportResult) => void)[] = [];
  const exporter: SpanExporter = {
    export: (_spans, done) => void waiting.push(done),
    shutdown: () => Promise.resolve(),
  };
  const spanProcessors = watchedProcessors(
    exporter,
    { emit: (event) => void said.push(event), collector: 'http://127.0.0.1:4318' },
    (watched) =>
      new BatchSpanProcessor(watched, {
        maxQueueSize: 10,
        maxExportBatchSize: 5,
        scheduledDelayMillis: 3_600_000,
      }),
  );
  const provider = new BasicTracerProvider({ spanProcessors });
  const tracer = provider.getTracer('test');
  return {
    said,
    end: (spans: number) => {
      for (let each = 0; each < spans; each++) tracer.startSpan('a').end();
    },
    /** Has all be sent that wait, each message answered so. */
    async send(code: ExportResultCode) {
      const flushed = provider.forceFlush();
      await new Promise(setImmediate);
      for (const done of waiting.splice(0)) done({ code, ...(code && { error: new Error('500') }) });
      await flushed.catch(() => {});
    },
  };
}

const kinds = (said: readonly Event[]) => said.map(({ kind }) => kind);
const lost = (said: readonly Event[]) =>
  said.flatMap((event) => (event.kind === 'traces-exported' ? event.lost : []));

test('spans for which there was no room are counted among the lost', async (t) => {
  const { said, end, send } = observeBatches();
  end(40);
  await send(ExportResultCode.FAILED);
  end(1);
  await send(ExportResultCode.SUCCESS);
  end(1);
  await send(ExportResultCode.SUCCESS);
  t.same(kinds(said), ['traces-not-exported', 'traces-exported']);
  t.same(lost(said), [40]);
});

test('a collector that answers, but too slowly, is said once', async (t) => {
  const { said, end, send } = observeBatches();
  end(10);
  await send(ExportResultCode.SUCCESS);
  t.same(said, [], 'all had room');
  for (const _ of [1, 2, 3]) {
    end(25);
    await send(ExportResultCode.SUCCESS);
  }
  t.same(kinds(said), ['traces-not-exported']);
  end(1);
  await send(ExportResultCode.SUCCESS);
  end(1);
  await send(ExportResultCode.SUCCESS);
  t.same(kinds(said).length, 2);
  // Each time five are on their way at once, ten wait, and ten have no room.
  t.same(lost(said), [30]);
});
