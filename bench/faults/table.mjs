import {
  endWithinS,
  pipelined,
  pipelineForS,
  requestsOnBlockedPipe,
  requestsOnFullDisk,
  slowBodiesWithinS,
  slowBodyCount,
} from './trials.mjs';

/** The answers of old servers that have a row of their own; the last row counts all of them. */
const ownRows = [
  'LF alone',
  'a folded header',
  'an unasked 100',
  'a chunk size padded with blanks',
  'identity with a length',
  'an equal length twice',
  'a reason in Latin-1',
  'a control character in a value',
  'a blank before the colon',
];

/** The rows of the log, which proxies without an upstream have too. */
const logRows = [
  [`Full disk: requests answered, of ${requestsOnFullDisk}`, ({ fullDisk }) => String(fullDisk)],
  [
    `Log not read: requests answered, of ${requestsOnBlockedPipe}`,
    ({ blockedReader: { answered } }) => String(answered),
  ],
  [
    'Log not read: end after SIGTERM',
    ({ blockedReader: { end, seconds } }) =>
      end === 'still there' ? `not in ${endWithinS} s` : `${seconds.toFixed(1)} s, ${exitOf(end)}`,
  ],
];

const rows = [
  ...logRows,
  [
    `${pipelined} requests in one connection: most connections to the upstream`,
    ({ pipeline }) => String(pipeline.most),
  ],
  [`The same: answered in ${pipelineForS} s, one a second`, ({ pipeline }) => String(pipeline.answered)],
  [`${slowBodyCount} slow bodies: gone`, ({ slowBodies }) => goneOf(slowBodies)],
  ...ownRows.map((name) => [`Old server: ${name}`, ({ oldServers }) => oldServers[name]]),
  ['Old server: LF alone, to a POST that is the first request', ({ firstPost }) => firstPost],
  [
    'Old servers: 200 with the whole body, of all',
    ({ oldServers }) => {
      const all = Object.values(oldServers);
      return `${all.filter((word) => word === '200').length} of ${all.length}`;
    },
  ],
];

const exitOf = (end) => (typeof end === 'number' ? `code ${end}` : end);

function goneOf({ gone, first, last, statuses }) {
  if (gone === 0) return `none in ${slowBodiesWithinS} s`;
  const span = last - first < 1 ? first.toFixed(0) : `${first.toFixed(0)} to ${last.toFixed(0)}`;
  return `${gone} after ${span} s, ${statuses.join(' or ')}`;
}

/** One column for each proxy; what it cannot be asked is a dash. */
export function tableOf(results, missing) {
  const all = [...results];
  const cellOf = (row, [{ hasUpstream }, result]) =>
    hasUpstream || logRows.includes(row) ? row[1](result) : '–';
  return [
    line(['', ...all.map(([{ name, version }]) => `${name} ${version}`)]),
    line(['---', ...all.map(() => '---')]),
    ...rows.map((row) => line([row[0], ...all.map((each) => cellOf(row, each))])),
    ...differences(all),
    ...missing.flatMap(({ name, get }) => ['', `Not in this run: ${name}. To get it: \`${get}\`.`]),
  ].join('\n');
}

/** A table of the answers of old servers that not everybody passes on alike, and that have no row above. */
function differences(all) {
  const asked = all.filter(([{ hasUpstream }]) => hasUpstream);
  const names = Object.keys(asked[0][1].oldServers).filter((name) => !ownRows.includes(name));
  const rowsOfAll = names.map((name) => [name, ...asked.map(([, { oldServers }]) => oldServers[name])]);
  const unlike = rowsOfAll.filter(([, ...words]) => new Set(words).size > 1);
  const head = ['Other answers of old servers', ...asked.map(([{ name }]) => name)];
  return ['', line(head), line(head.map(() => '---')), ...unlike.map(line)];
}

function line(cells) {
  return `| ${cells.join(' | ')} |`;
}
