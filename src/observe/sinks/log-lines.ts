import type { Event } from '../events.ts';
import type { LinesOf } from './lines/line.ts';
import { listenerLines } from './lines/listeners.ts';
import { personLines } from './lines/people.ts';
import { processLines } from './lines/processes.ts';
import { providerLines } from './lines/providers.ts';
import { requestLines } from './lines/requests.ts';
import { storeLines } from './lines/stores.ts';
import { targetLines } from './lines/targets.ts';

/** The line of each kind of event. */
export const lines = {
  ...requestLines,
  ...listenerLines,
  ...targetLines,
  ...processLines,
  ...personLines,
  ...providerLines,
  ...storeLines,
} satisfies LinesOf<Event>;
