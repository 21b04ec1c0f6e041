import type { Test } from 'tap';
import { type SpanName, spans } from '../../src/observe/traces/definitions.ts';
import type { Collector, ReceivedSpan } from './collector.ts';

export const spanKinds = { internal: 1, server: 2, client: 3 } as const;

/** The definition that a span was made by. */
function nameOf({ kind, name, attributes }: ReceivedSpan): SpanName {
  if (kind === spanKinds.server) return 'request';
  if (kind === spanKinds.internal) return name as SpanName;
  if ('db.system.name' in attributes) return 'store';
  return 'sallyport.provider' in attributes ? 'provider' : 'upstream';
}

/** Whatever a test makes the gateway record, its spans are those that are documented. */
export function checkDefined(t: Test, { spans: received }: Pick<Collector, 'spans'>): void {
  const wrong = received.filter((span) => {
    const documented: readonly string[] = spans[nameOf(span)]?.attributes ?? [];
    const isKnown = Object.keys(span.attributes).every((name) => documented.includes(name));
    return !isKnown || span.end < span.start;
  });
  t.ok(received.length > 0, 'there are spans');
  t.same(wrong, [], 'all of them are documented, with their attributes');
}

/** The names of the spans from one up to its root. */
export function lineOf(all: readonly ReceivedSpan[], span: ReceivedSpan | undefined): string[] {
  if (!span) return [];
  const { traceId, parentSpanId } = span;
  const parent = all.find((other) => other.traceId === traceId && other.spanId === parentSpanId);
  return [span.name, ...lineOf(all, parent)];
}

/** The line of the span of a name, of which there has to be one. */
export const lineOfNamed = (all: readonly ReceivedSpan[], name: string): string[] =>
  lineOf(
    all,
    all.find((span) => span.name === name),
  );
