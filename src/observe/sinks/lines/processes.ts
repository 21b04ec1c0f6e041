import type { ProcessEvent } from '../../events/processes.ts';
import { logSchemaVersion } from '../log-schema.ts';
import type { LinesOf } from './line.ts';

export const processLines = {
  starting: {
    level: 'info',
    message: 'starting',
    fields: ({ config, workers }) => ({ config, workers, schema: logSchemaVersion }),
  },
  'configuration-doubted': { level: 'warn', message: ({ warning }) => warning, fields: [] },
  reloaded: { level: 'info', message: 'reloaded', fields: ['by', 'config'] },
  'reload-refused': {
    level: 'error',
    message: 'reload refused; the configuration in force stays',
    fields: ['by', 'problems'],
  },
  'reload-off': {
    level: 'warn',
    message: 'reload is off, so the configuration in force stays',
    fields: ['by'],
  },
  'keys-fixed': {
    level: 'warn',
    message: 'these keys stay as they were until the gateway is started anew',
    fields: ['keys'],
  },
  draining: { level: 'info', message: 'draining', fields: [] },
  stopping: { level: 'info', message: 'stopping', fields: ['signal'] },
  stopped: { level: 'info', message: 'stopped', fields: [] },
  'stopping-failed': { level: 'error', message: 'stopping failed', fields: ['reason'] },
  'part-not-closed': { level: 'error', message: 'a part of the gateway did not close', fields: ['reason'] },
  'worker-replaced': {
    level: 'info',
    message: 'a worker was asked to stop; another is started',
    fields: ['pid'],
  },
  'worker-stuck': { level: 'error', message: 'a worker is stuck; it is ended', fields: ['pid'] },
  'worker-behind': {
    level: 'error',
    message: 'a worker cannot take up the configuration in force; it is ended',
    fields: ['pid', 'reason'],
  },
  'worker-ended': {
    level: 'error',
    message: 'a worker ended; another is started',
    fields: ['pid', 'code', 'signal', 'pauseMs'],
  },
  'worker-overdue': {
    level: 'error',
    message: 'a worker did not stop in time; it is ended',
    fields: ['pid'],
  },
  'log-lines-dropped': {
    level: 'warn',
    message: 'lines of the log were dropped',
    fields: ['lines', 'reason'],
  },
  'audit-not-written': {
    level: 'error',
    message: 'the audit cannot be written; its lines wait',
    fields: ['reason', 'waiting'],
  },
  'audit-written': {
    level: ({ lost }) => (lost > 0 ? 'error' : 'info'),
    message: ({ lost }) =>
      lost > 0 ? 'the audit is written again; lines of it are lost' : 'the audit is written again',
    fields: ['reason', 'lost'],
  },
  'traces-not-exported': {
    level: 'warn',
    message: 'traces do not reach the collector, and are lost',
    fields: ['collector', 'reason'],
  },
  'traces-exported': {
    level: 'info',
    message: 'traces reach the collector again',
    fields: ['collector', 'lost'],
  },
  'sink-failed': {
    level: 'error',
    message: 'a sink of events failed; what it says may be incomplete',
    fields: ['sink', 'reason'],
  },
} satisfies LinesOf<ProcessEvent>;
