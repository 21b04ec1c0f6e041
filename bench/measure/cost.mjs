import { withSettings } from '../subjects/sallyport.mjs';
import { measurePairs } from './pairs.mjs';

/** What can be on or off, and what each is in a configuration; by the address of a server that takes whatever comes. */
export const settings = {
  metrics: { off: { metrics: 'off' }, on: { metrics: {} } },
  audit: { off: { audit: 'off' }, on: { audit: 'stdout' } },
  // Each kind of limit, at values that nothing here meets.
  limits: {
    off: {},
    on: {
      limits: {
        connections: 10_000,
        connectionsPerClient: 10_000,
        requestsInFlight: 10_000,
        upstreamConnections: 10_000,
        queue: { size: 1000, timeout: '10s' },
      },
      rateLimit: [
        { by: 'client', requests: 10_000_000, per: '1s' },
        { by: 'person', requests: 10_000_000, per: '1s' },
        { match: { path: '/other' }, by: { header: 'X-Tenant' }, requests: 10_000_000, per: '1s' },
      ],
    },
  },
  // One trace in a hundred is recorded and sent.
  tracing: { off: { tracing: 'off' }, on: (sink) => ({ tracing: { endpoint: sink, sampling: 0.01 } }) },
};

/** What a request with a session costs with some settings on, over what it costs with all of them off. */
export async function measureCost(names, options) {
  const off = Object.assign({}, ...Object.values(settings).map((each) => each.off));
  const sink = `http://127.0.0.1:${options.parties.sinkPort}`;
  const configOf = ({ on }) => (typeof on === 'function' ? on(sink) : on);
  const on = Object.assign({}, off, ...names.map((name) => configOf(settings[name])));
  const subjects = [
    withSettings(`Sallyport with ${names.join(', ')}`, on),
    withSettings('Sallyport without', off),
  ];
  return measurePairs(subjects, options);
}
