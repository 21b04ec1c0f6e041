import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runWrk } from '../load/wrk.mjs';
import { withNodeArgs } from '../subjects/sallyport.mjs';

/**
 * Where the gateway's time goes under load, by time of one's own.
 * @returns `parts`, rows of [share of the time in which it was not idle, part of the program], and `functions`,
 *   rows of [share, function, place]
 */
export async function profile(parties, { path, seconds }) {
  const folder = join(parties.folder, 'profile');
  mkdirSync(folder);
  const nodeArgs = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${folder}`];
  const target = await withNodeArgs('profiled', nodeArgs).start(parties);
  await runWrk(target, { path, connections: 64, seconds });
  await target.stop();
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  return summarise(JSON.parse(readFileSync(join(folder, file), 'utf8')));
}

/** The start of the process, with its loading of modules, is left out. */
const startShare = 0.3;

function summarise({ nodes, samples, timeDeltas }) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const [functions, parts] = [new Map(), new Map()];
  let total = 0;
  for (let at = Math.floor(samples.length * startShare); at < samples.length; at++) {
    const frame = frames.get(samples[at]);
    if (frame.functionName === '(idle)') continue;
    const time = timeDeltas[at];
    total += time;
    add(functions, placeOf(frame), time);
    add(parts, partOf(frame), time);
  }
  const rows = (times) =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .map(([key, time]) => [`${((time / total) * 100).toFixed(1)} %`, ...key.split('\0')]);
  return { parts: rows(parts), functions: rows(functions) };
}

const add = (times, key, time) => times.set(key, (times.get(key) ?? 0) + time);

function placeOf({ functionName, url, lineNumber }) {
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/(node_modules|dist)\//, '');
  return `${functionName || '(anonymous)'}\0${file}${url ? `:${lineNumber + 1}` : ''}`;
}

function partOf({ functionName, url }) {
  if (url.startsWith('node:'))
    return `Node: ${/^node:(?:internal\/)?(_?\w+)/.exec(url)[1].replace(/_\w+$/, '')}`;
  const packaged = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (packaged) return packaged[1];
  const own = /\/dist\/src\/(\w+)/.exec(url);
  if (own) return `Sallyport: ${own[1]}`;
  return functionName.startsWith('(') || functionName.startsWith('RegExp')
    ? functionName.slice(0, 20)
    : `native ${functionName}`;
}
