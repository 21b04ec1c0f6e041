import type { RequestEvent } from '../../events/requests.ts';
import { routeOf, targetOf } from '../../facts.ts';
import type { LinesOf } from './line.ts';

export const requestLines = {
  'request-finished': 'request',
  'request-left': 'request',
  'websocket-closed': 'request',
  'request-refused': {
    level: ({ code, status }) => {
      if (code === 'internal' || code === 'client_rejected') return 'error';
      // As it was asked for.
      if (code === 'maintenance') return 'info';
      return status >= 500 ? 'warn' : 'info';
    },
    message: ({ code, status }) => {
      if (code === 'internal') return 'internal error';
      return status >= 500 && code !== 'maintenance' ? 'failed' : 'refused';
    },
    // Which application it is, for a log without the lines of requests.
    fields: ({ requestId, code, status, client, subject, exchange, path, reason, stack }) => ({
      requestId,
      code,
      status,
      client,
      subject,
      route: routeOf(exchange),
      target: targetOf(exchange),
      path,
      reason,
      stack,
    }),
  },
  'requests-limited': {
    level: 'warn',
    message: 'requests were refused: there were too many',
    fields: ({ limit, client, refused }) => ({ limit, peer: client, refused }),
  },
} satisfies LinesOf<RequestEvent>;
