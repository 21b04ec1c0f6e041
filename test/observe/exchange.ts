import type { ObservedExchange } from '../../src/observe/events.ts';

/** A request, as far as sinks look at it. */
export const exchange: ObservedExchange = {
  requestId: 'id-1',
  rawTarget: '/a//b?code=secret',
  request: { method: 'GET' },
  peer: { address: '192.0.2.1' },
  subject: 'ada',
  destination: {
    target: { path: '/a//b' },
    resolution: { kind: 'route', route: { label: 'app.example/a' } },
  },
};
