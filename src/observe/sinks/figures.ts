import { clientLeftStatus } from '../observed-exchange.ts';
import type { OpenSink } from './sink.ts';

/** Counts what the status page shows, whether metrics are on or not. */
export const openFiguresSink: OpenSink = (_options, { figures }) => ({
  name: 'figures',
  wants: (kind) =>
    kind === 'request-finished' ||
    kind === 'request-left' ||
    kind === 'requests-limited' ||
    kind === 'target-out' ||
    kind === 'target-back',
  take(event) {
    switch (event.kind) {
      case 'request-finished':
        return figures.count(event.exchange, event.status, event.durationMs);
      case 'request-left':
        return figures.count(event.exchange, clientLeftStatus, event.durationMs);
      case 'requests-limited':
        return figures.limited(event);
      case 'target-out':
        return figures.targetOut(event);
      case 'target-back':
        return figures.targetBack(event);
      default:
        return undefined;
    }
  },
});
