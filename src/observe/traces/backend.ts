import { randomUUID } from 'node:crypto';
import { type DiagLogFunction, DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import { version } from '../../version.ts';
import type { Emit } from '../events.ts';
import type { TracedRequest } from '../trace.ts';
import { collectorOf, readEnvironment, type TracesEnvironment } from './environment.ts';
import { watchedProcessors } from './exporter.ts';
import type { EndedCall, Scope, TracerParts } from './open-span.ts';
import type { Scopes } from './scopes.ts';
import { beginTrace, continueTrace, type OpenTrace, recordAlone } from './tracer.ts';

export type TracingConfig = Exclude<Config['tracing'], 'off'>;

/** What makes spans by one configuration, and sends them. */
export interface Backend {
  begin(request: TracedRequest): OpenTrace;
  continued(traceparent: string): Scope | undefined;
  recordAlone(call: EndedCall): void;
  /** Another takes its place: it ends when its last span has. */
  retire(closed: () => void): void;
  /** Sends what there is, and ends. Never rejects; it takes as long as the collector does, up to the time-out of the exporter. */
  close(): Promise<void>;
}

export interface BackendNeeds {
  emit: Emit;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  scopes: Scopes<Scope>;
  hide(text: string): string;
  env: NodeJS.ProcessEnv;
}

/** Undefined where `OTEL_SDK_DISABLED` says so. */
export function openBackend(config: TracingConfig, needs: BackendNeeds): Backend | undefined {
  const { emit, env } = needs;
  const environment = readEnvironment(env);
  const doubt = (warning: string) => emit({ kind: 'configuration-doubted', warning });
  for (const warning of environment.warnings) doubt(warning);
  if (environment.isDisabled) return undefined;
  const collector = collectorOf(config, environment);
  const provider = listening(doubt, () => openProvider(config, environment, { emit, collector }));
  let open = 0;
  let retired: (() => void) | undefined;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= provider.shutdown().catch(() => {});
    return closing;
  };
  const closeWhenIdle = () => {
    if (retired && open === 0) void close().then(retired);
  };
  const parts: TracerParts = {
    ...needs,
    otel: provider.getTracer('sallyport', version),
    propagates: environment.propagates,
    counted(change) {
      open += change;
      closeWhenIdle();
    },
  };
  return {
    begin: (request) => beginTrace(parts, request),
    continued: (traceparent) => continueTrace(parts, traceparent),
    recordAlone: (call) => recordAlone(parts, call),
    retire(closed) {
      retired = closed;
      closeWhenIdle();
    },
    close,
  };
}

/** What the library says of variables that it cannot use, it says to a logger of the whole process. */
function listening<T>(doubt: (warning: string) => void, open: () => T): T {
  const hear: DiagLogFunction = (message) => doubt(`OpenTelemetry: ${message}`);
  const deaf = () => {};
  diag.setLogger(
    { error: hear, warn: hear, info: deaf, debug: deaf, verbose: deaf },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  try {
    return open();
  } finally {
    diag.disable();
  }
}

function openProvider(
  { endpoint, protocol, sampling, serviceName, headers }: TracingConfig,
  environment: TracesEnvironment,
  told: Parameters<typeof watchedProcessors>[1],
): BasicTracerProvider {
  const Exporter = (protocol ?? environment.protocol) === 'http/json' ? JsonExporter : ProtobufExporter;
  const settings = {
    ...(endpoint !== undefined && { url: tracesUrl(endpoint) }),
    ...(headers !== undefined && { headers }),
  };
  const spanProcessors = environment.exports
    ? watchedProcessors(new Exporter(settings), told, (exporter) => new BatchSpanProcessor(exporter))
    : [];
  const sampler =
    sampling === undefined
      ? undefined
      : new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampling) });
  return new BasicTracerProvider({
    resource: resourceOf(serviceName),
    spanProcessors,
    ...(sampler && { sampler }),
  });
}

/** As `OTEL_EXPORTER_OTLP_ENDPOINT` is read, where no path is named; a path is that of the place for traces. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

function resourceOf(serviceName: string | undefined) {
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': 'sallyport',
        'service.version': version,
        'service.instance.id': randomUUID(),
        'process.pid': process.pid,
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(serviceName === undefined ? {} : { 'service.name': serviceName }));
}
