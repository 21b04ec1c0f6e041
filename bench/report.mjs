import { describeMachine } from './machine.mjs';
import { ratio, spread } from './statistics.mjs';
import { clientCookie, sharedMemory } from './subjects/apache.mjs';
import { stockPlugin } from './subjects/fastify.mjs';
import { nginx } from './subjects/plain.mjs';

/** What the others are compared with, and how the column is called. */
const yardsticks = [
  [nginx, 'nginx'],
  [sharedMemory, 'oidc shm'],
  [clientCookie, 'oidc cookie'],
  [stockPlugin, 'http-proxy'],
];

const table = (head, rows) =>
  [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const number = (value, digits) =>
  value === undefined
    ? ''
    : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const range = (found, digits) =>
  found
    ? `${number(found.median, digits)} (${number(found.least, digits)}–${number(found.most, digits)})`
    : '';

/** The whole result as Markdown. */
export function writeReport({ command, versions, quiet, measured, seconds, promises }) {
  const { results, scenarios, workers, idle, messages, coldStart, slowPaths } = measured;
  const parts = [
    '# Results of the benchmark',
    `Written by \`${command}\` in ${Math.round(seconds / 60)} min on ${new Date().toISOString().slice(0, 10)}; ` +
      'what is measured and how is in [performance](../docs/performance.md).',
    `${describeMachine()}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    'The proxy has one core to itself; load, upstream and everything else have another. Medians over rounds, with ' +
      'the range in parentheses. Ratios are made within each round; below 1 is cheaper than the one in the head.',
    noiseNote(results, quiet),
    '## Promises',
    table(
      ['promise', 'measured', 'limit', 'kept'],
      promises.map((row) => [
        row.promise,
        measuredText(row.measured),
        row.limit,
        row.kept ? 'yes' : '**no**',
      ]),
    ),
    ...scenarios.flatMap((scenario) =>
      results.has(scenario.name)
        ? [`## ${scenario.title}`, scenarioTable(scenario, results.get(scenario.name))]
        : [],
    ),
    ...(workers ? ['## Workers', workersTable(workers)] : []),
    ...(messages ? ['## WebSocket messages', messagesTable(messages)] : []),
    ...(idle ? ['## Idle connections', idleTable(idle)] : []),
    ...(coldStart ? ['## From the start of the process to its first answer', coldStartTable(coldStart)] : []),
    ...(slowPaths ? ['## Slow paths', slowPathsTable(slowPaths)] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function measuredText(found) {
  return found.least === undefined ? number(found.median, 2) : range(found, 2);
}

function noiseNote(results, quiet) {
  const windows = [...results.values()].flatMap((rounds) => rounds.flatMap((round) => [...round.values()]));
  const loud = windows.filter((figures) => !quiet.isQuiet(figures)).length;
  const most = (figure) => Math.max(...windows.map((figures) => figures[figure]));
  const { cores, slowness } = quiet.limits;
  return (
    `A window was repeated when others took more than ${number(cores * 100, 0)} % of a core, or when a look into ` +
    `memory took more than ${number(slowness, 1)} times as long as the quickest one. ${loud} of ${windows.length} ` +
    `windows stayed above that; the loudest had ${number(most('noise') * 100, 1)} % and ${number(most('slowness'), 1)} times.`
  );
}

/** A scenario with a rate is about latencies, one with large bodies about bytes, the others about requests. */
function scenarioTable({ rate, path, upload }, rounds) {
  const subjects = [...new Set(rounds.flatMap((round) => [...round.keys()]))];
  const large = path === '/10m' || upload > 1e6;
  const speeds = rate
    ? [
        ['p50 ms', 'p50', 2],
        ['p99 ms', 'p99', 2],
      ]
    : [large ? ['MB/s', 'mbPerSecond', 0] : ['req/s', 'perSecond', 0]];
  const figures = [...speeds, ['CPU µs/req', 'cpuUs', 1]];
  const present = yardsticks.filter(([{ name }]) => subjects.includes(name));
  const rows = subjects.map((subject) => {
    const of = (figure) => spread(rounds.map((round) => round.get(subject)?.[figure]));
    return [
      subject,
      ...figures.map(([, figure, digits]) => range(of(figure), digits)),
      ...present.map(([{ name }]) => number(ratio(rounds, subject, name, 'cpuUs')?.median, 2)),
      number(of('memoryMb')?.median, 0),
    ];
  });
  const head = ['', ...figures.map(([title]) => title), ...present.map(([, title]) => `× ${title}`), 'MB'];
  return table(head, rows);
}

function workersTable(rounds) {
  const rows = [1, 2].map((workers) => {
    const of = (figure) => spread(rounds.map((round) => round.get(workers)[figure]));
    return [`${workers}`, range(of('perSecond'), 0), range(of('cpuUs'), 1)];
  });
  return table(['workers, on both cores with the load', 'req/s', 'CPU µs/req'], rows);
}

function messagesTable(rounds) {
  const rows = [...rounds[0].keys()].map((subject) => {
    const of = (figure) => spread(rounds.map((round) => round.get(subject)[figure]));
    return [subject, range(of('perSecond'), 0), range(of('cpuUs'), 1)];
  });
  return table(['64 bytes each, 100 WebSockets', 'messages/s', 'CPU µs/message'], rows);
}

function idleTable(idle) {
  const rows = [...idle].map(([subject, { keepAlive, webSocket }]) => [
    subject,
    ...[keepAlive, webSocket].map((bytes) => number(bytes / 1024, 1)),
  ]);
  return table(
    ['by 1,000 of them, after a garbage collection', 'keep-alive, KiB each', 'WebSocket, KiB each'],
    rows,
  );
}

function coldStartTable(coldStart) {
  return table(
    ['', 'ms'],
    [...coldStart].map(([subject, times]) => [subject, range(spread(times), 0)]),
  );
}

function slowPathsTable({ logins, refreshes, verifications, seals }) {
  const rows = [
    [
      'login, all of it; the provider is the slower part',
      number(logins.perSecond, 0),
      number(logins.cpuUs, 0),
    ],
    [
      'request with a refresh; the provider is the slower part',
      number(refreshes.perSecond, 0),
      number(refreshes.cpuUs, 0),
    ],
    [
      'request with a JWT that was not seen before, RS256',
      number(verifications.perSecond, 0),
      number(verifications.cpuUs, 0),
    ],
    ...seals.flatMap(({ bytes, sealUs, openUs }) => [
      [`seal a session of ${number(bytes, 0)} bytes`, '', number(sealUs, 1)],
      [`open a session of ${number(bytes, 0)} bytes`, '', number(openUs, 1)],
    ]),
  ];
  return table(['', 'a second', 'CPU µs each'], rows);
}
