import type { Told, ToldOf } from '../events.ts';
import { clientLeftStatus } from '../observed-exchange.ts';
import { type AccessOptions, compileAccess } from './access-log.ts';
import { createCombinedLines } from './combined-line.ts';
import type { Line } from './lines/line.ts';
import { lines } from './log-lines.ts';
import { type LogOptions, type LogSettings, type LogWriter, openLogWriter } from './log-writer.ts';
import { closedFields, requestFields } from './request-line.ts';
import type { Sink, SinkNeeds } from './sink.ts';

type RequestEvent = ToldOf<'request-finished' | 'request-left' | 'websocket-closed'>;

/** The log: a line for each event, as its table says, and for each request as its format says. */
export function openLog(options: LogOptions, needs: SinkNeeds): Sink {
  const { clock, traces } = needs;
  let writer = openLogWriter(options, needs);
  let writeRequest = requestWriter(writer, options, clock);
  return {
    name: 'log',
    wants: (kind) => lines[kind] !== null,
    take(event) {
      if (isToldOtherwise(event)) return;
      switch (event.kind) {
        case 'request-finished':
        case 'request-left':
        case 'websocket-closed':
          writeRequest(event);
          break;
        default:
          write(writer, lines[event.kind] as Line<Told>, event, traces.idHere);
      }
    },
    flushed: () => writer.flushed(),
    apply(changed) {
      writer = writer.anew(changed);
      writeRequest = requestWriter(writer, changed, clock);
    },
  };
}

/** A flood that is turned away must not fill the log: its events are counted in `requests-limited`. */
function isToldOtherwise(event: Told): boolean {
  return 'exchange' in event && event.exchange.isTurnedAway === true;
}

const everything: AccessOptions = { skip: [], sample: 1, headers: [] };

/** Writes the lines of requests, of which there are many. */
function requestWriter(
  writer: LogWriter,
  { combined, access = everything }: LogSettings,
  clock: SinkNeeds['clock'],
): (event: RequestEvent) => void {
  if (!writer.isLevelEnabled('info')) return () => {};
  const { takes, headers } = compileAccess(access);
  const combinedLines = combined ? createCombinedLines() : undefined;
  return (event) => {
    const { exchange, durationMs } = event;
    const status = statusOf(event);
    if (!takes(event, status)) return;
    if (event.kind === 'websocket-closed')
      writer.writeInfo(closedFields(exchange, durationMs), 'websocket closed');
    else if (combinedLines) writer.writeLine(combinedLines.lineOf(exchange, status, durationMs, clock.now()));
    else writer.writeInfo(requestFields(exchange, status, durationMs) + headers(exchange), 'request');
  };
}

function statusOf(event: RequestEvent): number {
  if (event.kind === 'request-finished') return event.status;
  return event.kind === 'websocket-closed' ? 101 : clientLeftStatus;
}

/** @param traceIdHere of the recorded trace in whose course the event happens, for events that say none */
function write(
  writer: LogWriter,
  line: Line<Told>,
  event: Told,
  traceIdHere: () => string | undefined,
): void {
  const level = typeof line.level === 'function' ? line.level(event) : line.level;
  if (!writer.isLevelEnabled(level)) return;
  const message = typeof line.message === 'function' ? line.message(event) : line.message;
  const traceId = ('traceId' in event ? event.traceId : undefined) ?? traceIdHere();
  const fields = fieldsOf(line.fields, event);
  writer[level](traceId === undefined ? fields : { ...fields, traceId }, message);
}

function fieldsOf(fields: Line<Told>['fields'], event: Told): object {
  if (typeof fields === 'function') return fields(event);
  const named: Record<string, unknown> = {};
  for (const name of fields) named[name] = event[name];
  return named;
}
