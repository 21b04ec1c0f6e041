import cluster from 'node:cluster';
import type { Clock } from '../../clock.ts';
import type { AuditOptions } from '../audit-events.ts';
import { type AuditFields, type AuditLine, auditVersion } from '../audit-schema.ts';
import { escapeControls } from '../control-characters.ts';
import type { Told } from '../events.ts';
import { type LineFile, openLineFile, tryLineFile } from '../line-file.ts';
import { scrub } from '../scrub.ts';
import { auditRows, isRepeatable } from './audit-lines.ts';
import { createRepeats } from './audit-repeats.ts';
import { cutText } from './quoted.ts';
import type { Sink, SinkNeeds, SinkOptions } from './sink.ts';

/** When nothing can be written, lines beyond this are lost: they must not fill the memory. */
const mostUnwritten = 4 * 1024 * 1024;
/** How long the last lines are waited for. */
const lastLinesMs = 1000;

/** The audit: a line for each event that is in its table, to a file or beside the lines of the log. */
export function openAudit(first: SinkOptions, needs: SinkNeeds): Sink {
  const { clock } = needs;
  let options = first.audit;
  // A worker may be started anew at any time: then a file that cannot be opened must not keep it from serving.
  if (!cluster.isWorker) tryPlace(options);
  let place = openPlace(first, needs);
  const written = createLines(needs);
  const repeats = createRepeats(clock, (fields) => place?.write(written(fields)));
  const rows: { [K in Told['kind']]?: unknown } = auditRows;

  return {
    name: 'audit',
    wants: (kind) => kind in rows,
    take(event) {
      if (!place) return;
      const fields = (rows[event.kind] as (event: Told) => AuditFields | undefined)(event);
      if (!fields || options?.include?.includes(fields.event) === false) return;
      if (isRepeatable(fields)) repeats.take(fields);
      else place.write(written(fields));
    },
    async flushed() {
      repeats.flush();
      await new Promise<void>((resolve) => {
        if (!place) return resolve();
        clock.after(lastLinesMs, resolve);
        place.flush(resolve);
      });
    },
    check({ audit }) {
      if (audit?.file !== options?.file) tryPlace(audit);
    },
    apply(next) {
      const isSame = next.audit?.file === options?.file && !next.audit === !options;
      options = next.audit;
      if (isSame) {
        place?.lookAgain();
        return;
      }
      const left = place?.leave() ?? [];
      place = openPlace({ ...first, audit: options }, needs);
      for (const line of left) place?.write(line);
    },
    troubles() {
      const trouble = place?.trouble();
      if (trouble === undefined) return [];
      return [{ reason: 'audit_not_written', detail: `the audit cannot be written: ${trouble}` }];
    },
  };
}

/** Where lines go. */
type Place = Omit<LineFile, 'writeNow'>;

/** Undefined for no audit. */
function openPlace({ audit, destination }: SinkOptions, needs: SinkNeeds): Place | undefined {
  if (!audit) return undefined;
  if (audit.file !== undefined) return openFilePlace(audit.file, needs);
  if (destination) {
    return {
      write: (line) => destination.write(line),
      flush: (done) => done(),
      lookAgain() {},
      trouble: () => undefined,
      leave: () => [],
    };
  }
  const output = needs.output();
  // What was handed over there is written there, whatever comes after it.
  return {
    write: output.write,
    flush: output.flush,
    lookAgain() {},
    trouble: output.trouble,
    leave: () => [],
  };
}

function openFilePlace(path: string, { clock, emit }: SinkNeeds): Place {
  const file = openLineFile(path, {
    clock,
    mostWaiting: mostUnwritten,
    onFailing: (reason, waiting) => emit({ kind: 'audit-not-written', reason, waiting }),
    onWorking: (reason, lost) => emit({ kind: 'audit-written', reason, lost }),
  });
  const atExit = () => file.writeNow();
  process.on('exit', atExit);
  return {
    ...bound(file),
    leave() {
      process.off('exit', atExit);
      return file.leave();
    },
  };
}

const bound = (file: LineFile): Place => ({
  write: (line) => file.write(line),
  flush: (done) => file.flush(done),
  lookAgain: () => file.lookAgain(),
  trouble: () => file.trouble(),
  leave: () => file.leave(),
});

/** Throws for a file that cannot be opened. Whoever starts a gateway reads it: the key, and what is wrong. */
function tryPlace(audit: AuditOptions | undefined): void {
  if (audit?.file === undefined) return;
  try {
    tryLineFile(audit.file);
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`audit.file: the audit cannot be written: ${message}`, { cause });
  }
}

/** Others have written most texts. Each is cut at the first of these with which the line fits. */
const longestTexts = [400, 64, 16];
/** These are words of the gateway. */
const whole: ReadonlySet<string> = new Set(['event', 'code', 'by']);
/** PIPE_BUF: what is not longer stays in one piece, whatever it is written to. */
const longestLine = 4096;

/** Makes lines of what happened. */
function createLines({ clock, hide }: Pick<SinkNeeds, 'clock' | 'hide'>) {
  return (fields: AuditFields): string => {
    const clean = Object.entries(fields).map(([name, value]) => [name, cleaned(name, value, hide)] as const);
    let line = '';
    for (const longest of longestTexts) {
      line = lineOf(clean, longest, clock);
      if (Buffer.byteLength(line) <= longestLine) break;
    }
    return line;
  };
}

function cleaned(name: string, value: unknown, hide: (text: string) => string): unknown {
  if (typeof value !== 'string') return value;
  // Some readers of JSON refuse half of a character of two code units.
  const text = hide(value).toWellFormed();
  // A path may have a token in it, as links in mails have.
  return name === 'path' ? scrub(text) : text;
}

function lineOf(
  fields: readonly (readonly [string, unknown])[],
  longest: number,
  clock: Pick<Clock, 'now'>,
): string {
  const cut = fields.map(([name, value]) => [
    name,
    typeof value === 'string' && !whole.has(name) ? cutText(value, longest) : value,
  ]);
  const { event, ...rest } = Object.fromEntries(cut) as AuditFields;
  const line: AuditLine = {
    time: new Date(clock.now()).toISOString(),
    event,
    v: auditVersion,
    pid: process.pid,
    ...rest,
  };
  return `${escapeControls(JSON.stringify(line))}\n`;
}
