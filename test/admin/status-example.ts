import type { Status } from '../../src/admin/status/facts.ts';
import { healthOf } from '../../src/estate/health.ts';
import { minuteMs, places, plottedSlots, slotMs } from '../../src/observe/figures/figures.ts';
import type { RefusalRow } from '../../src/observe/figures/refusals.ts';
import type { SlotRead } from '../../src/observe/figures/slots.ts';

const at = Date.UTC(2026, 10, 27, 20, 14, 5);
const day = 24 * 60 * minuteMs;

/** Half an hour of an office: it comes and goes, and for a while something fails. */
function slots(): SlotRead[] {
  const last = Math.floor(at / slotMs);
  return Array.from({ length: plottedSlots }, (_none, index) => {
    const wave = 1 + Math.sin(index / 17) * 0.4 + Math.sin(index / 3.1) * 0.12;
    const requests = Math.round(420 * wave);
    const isBad = index > 120 && index < 140;
    const failed = isBad ? Math.round(requests / 12) : index % 23 === 0 ? 2 : 0;
    const refused = Math.round(6 + 4 * Math.sin(index / 7)) + (index % 31 === 0 ? 14 : 0);
    const middle = places.durations + (isBad ? 36 : 28) + Math.round(Math.sin(index / 9) * 2);
    const slow = middle + 14 + (index % 5);
    const counts: SlotRead['counts'] = [
      [places.requests, requests],
      [places.failed, failed],
      [places.refused, refused],
      [middle, requests - 20],
      [slow, 20],
    ];
    return { at: last - plottedSlots + 1 + index, counts };
  });
}

function minutes(most: number, failed = 0): SlotRead[] {
  const last = Math.floor(at / minuteMs);
  return Array.from({ length: 30 }, (_none, index) => ({
    at: last - 29 + index,
    counts: [
      [0, Math.round(most * (0.6 + 0.4 * Math.sin(index / 4)))],
      [1, index > 18 && index < 23 ? failed : 0],
    ],
  }));
}

const refusal = (more: Partial<RefusalRow>): RefusalRow => ({
  at: at - 40_000,
  times: 1,
  route: 'app.example.com/admin',
  reason: 'none holds: allow[0].groups',
  status: 403,
  method: 'GET',
  host: 'app.example.com',
  path: '/admin/users',
  client: '203.0.113.7',
  user: 'ada',
  ...more,
});

const route = { methods: undefined, isInMaintenance: false, access: 'signed-in' } as const;
const up = (name: string) => ({ name, isUp: true, out: undefined });

/** A gateway to which everything happens at once that can be shown. */
export const busyStatus: Status = {
  at,
  configHash: '9f31c07ab2de',
  processes: { answering: 2, wanted: 2 },
  publicUrl: ['https://app.example.com'],
  health: healthOf(
    [],
    [
      { reason: 'provider_unreachable', name: 'staff', detail: 'the last call had no answer' },
      { reason: 'store_unreachable', detail: 'Redis is not reachable' },
      { reason: 'certificate_expiring', name: 'listen.tls.cert', detail: 'a certificate ends in 6 days' },
    ],
  ),
  open: { http: 14, websocket: 32, 'event-stream': 5 },
  routes: [
    {
      ...route,
      number: 1,
      label: 'app.example.com/',
      targets: [up('http://10.1.4.11:8080'), up('http://10.1.4.12:8080')],
      slots: minutes(2100, 90),
    },
    {
      ...route,
      number: 2,
      label: 'app.example.com/admin',
      access: 'rules',
      targets: [
        up('http://10.1.4.21:8080'),
        {
          name: 'http://10.1.4.22:8080',
          isUp: false,
          out: { since: at - 260_000, reason: 'ECONNREFUSED: connect ECONNREFUSED 10.1.4.22:8080' },
        },
      ],
      slots: minutes(140, 12),
    },
    {
      ...route,
      number: 3,
      label: 'app.example.com/public',
      methods: ['GET'],
      access: 'public',
      targets: [up('unix:/run/static.sock')],
      slots: minutes(600),
    },
    {
      ...route,
      number: 4,
      label: 'app.example.com/old',
      isInMaintenance: true,
      targets: [up('http://10.1.4.40:8080')],
      slots: [],
    },
  ],
  providers: [
    {
      name: 'staff',
      troubles: [{ reason: 'provider_unreachable', name: 'staff', detail: 'the last call had no answer' }],
    },
    { name: 'partners', troubles: [] },
    { name: 'bearer[0]', troubles: [] },
  ],
  store: {
    kind: 'redis',
    name: 'redis',
    troubles: [{ reason: 'store_unreachable', detail: 'Redis is not reachable' }],
  },
  certificates: [
    {
      key: 'listen.tls.cert',
      file: '/etc/sallyport/tls.crt',
      subject: 'app.example.com',
      standing: 'ending',
      notAfter: at + 6.4 * day,
      daysLeft: 6,
    },
    {
      key: 'session.redis.ca',
      file: '/etc/sallyport/redis-ca.crt',
      subject: 'Example Redis CA',
      standing: 'good',
      notAfter: at + 812 * day,
      daysLeft: 812,
    },
  ] as unknown as Status['certificates'],
  figures: {
    slots: slots(),
    routes: [],
    refusals: [
      refusal({}),
      refusal({
        at: at - 95_000,
        times: 31,
        reason: 'token_invalid',
        status: 401,
        path: '/api/orders',
        route: 'app.example.com/',
        client: '198.51.100.23',
        user: undefined,
      }),
      refusal({
        at: at - 130_000,
        times: 4200,
        reason: 'rateLimit[0]',
        status: undefined,
        method: undefined,
        host: undefined,
        path: undefined,
        route: undefined,
        client: '2001:db8:7::/64',
        user: undefined,
      }),
      refusal({
        at: at - 300_000,
        reason: 'ambiguous_path',
        status: 400,
        path: '/public/..%2fadmin',
        route: undefined,
        client: '198.51.100.23',
        user: undefined,
      }),
      refusal({
        at: at - 420_000,
        reason: 'login_refused',
        status: 400,
        path: '/oauth2/callback',
        route: undefined,
        user: undefined,
      }),
    ],
    out: [],
  },
};
