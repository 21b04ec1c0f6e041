import type { ObservedExchange } from '../../src/observe/observed-exchange.ts';

/** A request, as far as sinks look at it: it was forwarded, and its answer has ended 12.3456 ms after it came. */
export const exchange: ObservedExchange = {
  requestId: 'id-1',
  rawTarget: '/a//b?code=secret',
  method: 'GET',
  request: { httpVersion: '1.1', headers: { host: 'APP.example:8443', 'user-agent': 'Mozilla/5.0' } },
  peer: { address: '192.0.2.1', clientAddress: '203.0.113.7' },
  subject: 'ada',
  person: { user: 'Ada', bearer: false, provider: 'default' },
  session: { id: 'session-1', provider: 'default' },
  destination: {
    target: { path: '/a//b', host: 'app.example:8443' },
    resolution: { kind: 'route', route: { label: 'app.example/a' } },
  },
  via: 'http',
  outcome: { kind: 'forward', reason: 'allow[0] holds' },
  passage: {
    target: 'http://legacy:8080',
    sentAt: 1000.52,
    headAt: 1010.63,
    beganAt: 1010.71,
    endedAt: 1012,
    bytesIn: 3,
    bytesOut: 4711,
  },
  startedAt: 1000,
  formAt: undefined,
  answeredAt: undefined,
  formBytes: 0,
  answerBytes: 0,
};
