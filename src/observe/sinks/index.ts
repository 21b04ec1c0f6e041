import { openAudit } from './audit.ts';
import { openFiguresSink } from './figures.ts';
import { openLog } from './log.ts';
import { openMetrics } from './metrics.ts';
import type { OpenSink } from './sink.ts';
import { openTracesSink } from './traces.ts';

/** Everybody who is told of everything. A new sink is a file and a line here. */
export const standardSinks: readonly OpenSink[] = [
  openLog,
  openAudit,
  openMetrics,
  openFiguresSink,
  openTracesSink,
];
