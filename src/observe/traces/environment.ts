/**
 * What of the variables of OpenTelemetry's specification the library does not read itself. The rest of them it does: those of
 * samplers, batches, limits, resources, and of the exporter's address, headers, time-out, compression and certificates.
 */
export interface TracesEnvironment {
  /** `OTEL_SDK_DISABLED`: tracing is off. */
  isDisabled: boolean;
  /** `OTEL_TRACES_EXPORTER`: spans are sent. */
  exports: boolean;
  /** `OTEL_PROPAGATORS`: `traceparent` is taken and sent. */
  propagates: boolean;
  protocol: TracesProtocol | undefined;
  /** Where spans go, unless the configuration says it. */
  endpoint: string;
  /** What asks for something that there is not, as sentences. */
  warnings: string[];
}

export type TracesProtocol = 'http/protobuf' | 'http/json';

const isProtocol = (text: string): text is TracesProtocol => text === 'http/protobuf' || text === 'http/json';

/** An empty variable is one that is not set. */
export function readEnvironment(env: NodeJS.ProcessEnv): TracesEnvironment {
  const warnings: string[] = [];
  const given = (name: string) => env[name]?.trim() || undefined;
  const listOf = (name: string) =>
    given(name)
      ?.split(',')
      .map((item) => item.trim());
  const exporters = listOf('OTEL_TRACES_EXPORTER') ?? ['otlp'];
  for (const name of exporters)
    if (name !== 'otlp' && name !== 'none')
      warnings.push(`OTEL_TRACES_EXPORTER names ${name}; there are otlp and none`);
  const propagators = listOf('OTEL_PROPAGATORS') ?? ['tracecontext'];
  for (const name of propagators)
    if (!['tracecontext', 'baggage', 'none'].includes(name))
      warnings.push(`OTEL_PROPAGATORS names ${name}; there are tracecontext and none`);
  let protocol: TracesProtocol | undefined;
  const asked = given('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? given('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (asked !== undefined) {
    if (isProtocol(asked)) protocol = asked;
    else
      warnings.push(
        `OTEL_EXPORTER_OTLP_PROTOCOL is ${asked}; there are http/protobuf, which is used, and http/json`,
      );
  }
  return {
    isDisabled: given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true',
    exports: !exporters.includes('none'),
    propagates: propagators.includes('tracecontext'),
    protocol,
    endpoint:
      given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ??
      given('OTEL_EXPORTER_OTLP_ENDPOINT') ??
      'http://localhost:4318',
    warnings,
  };
}

/** The origin that spans go to, for people: a path or a query may hold a key. Undefined for what is no address. */
export function collectorOf(
  { endpoint }: { endpoint?: string | undefined },
  environment: Pick<TracesEnvironment, 'endpoint'>,
): string | undefined {
  const address = endpoint ?? environment.endpoint;
  return URL.canParse(address) ? new URL(address).origin : undefined;
}
