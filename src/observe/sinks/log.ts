import type { Told } from '../events.ts';
import { type Line, lines } from './log-lines.ts';
import { type LogOptions, type LogWriter, openLogWriter } from './log-writer.ts';
import type { Sink, SinkNeeds } from './sink.ts';

/** The log: a line for each event, as its table says. */
export function openLog(options: LogOptions, { clock, emit }: SinkNeeds): Sink {
  let writer = openLogWriter(options, {
    clock,
    onDropped: (count, reason) => emit({ kind: 'log-lines-dropped', lines: count, reason }),
  });
  return {
    name: 'log',
    take(event) {
      if (!isToldOtherwise(event)) write(writer, lines[event.kind] as Line<Told>, event);
    },
    flushed: () => writer.flushed(),
    apply(changed) {
      writer = writer.anew(changed);
    },
  };
}

/** A flood that is turned away must not fill the log: its events are counted in `requests-limited`. */
function isToldOtherwise(event: Told): boolean {
  return 'exchange' in event && event.exchange.isTurnedAway === true;
}

function write(writer: LogWriter, line: Line<Told>, event: Told): void {
  const level = typeof line.level === 'function' ? line.level(event) : line.level;
  if (!writer.isLevelEnabled(level)) return;
  const message = typeof line.message === 'function' ? line.message(event) : line.message;
  if (line.json) writer.writeInfo(line.json(event), message);
  else writer[level](fieldsOf(line.fields, event), message);
}

function fieldsOf(fields: NonNullable<Line<Told>['fields']>, event: Told): object {
  if (typeof fields === 'function') return fields(event);
  const named: Record<string, unknown> = {};
  for (const name of fields) named[name] = event[name];
  return named;
}
