import type { StoreEvent } from '../../events/stores.ts';
import type { LinesOf } from './line.ts';

export const storeLines = {
  'store-asked': null,
  'sessions-in-memory': {
    level: 'warn',
    message: 'sessions are kept in memory: a restart of the gateway signs everybody out',
    fields: [],
  },
  'store-out': {
    level: 'warn',
    message: ({ concerns }) => (concerns === 'writes' ? 'Redis takes no writes' : 'Redis is not reachable'),
    fields: ['reason'],
  },
  'store-back': { level: 'info', message: 'Redis is reachable', fields: [] },
  'store-deaf': {
    level: 'warn',
    message: 'Redis does not pass on what instances tell each other',
    fields: ['reason'],
  },
  'store-heard': { level: 'info', message: 'Redis passes on what instances tell each other', fields: [] },
  'store-refused': { level: 'warn', message: 'Redis refused a command', fields: ['reason'] },
  'sign-outs-not-loaded': { level: 'warn', message: 'sign-outs were not loaded', fields: ['reason'] },
  'refresh-not-shared': {
    level: 'warn',
    message: 'a refresh could not be shared with other instances yet',
    fields: ['reason'],
  },
} satisfies LinesOf<StoreEvent>;
