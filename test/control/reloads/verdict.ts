import type { Figures } from './run.ts';

/** Memory and descriptors may grow by a tenth, from the first measurement to the end. */
const mostGrowth = 1.1;
/** Connections come and go: of a few descriptors a tenth says nothing. */
const fewDescriptors = 10;

/** What a run did not keep, in sentences; empty for nothing. */
export function brokenPromises(figures: Figures, { memory }: { memory: boolean }): string[] {
  const { before, after, failures, socketsCut, secondRefreshes, refreshes, wrong } = figures;
  const grown = (name: 'rss' | 'descriptors') => after[name] > before[name] * mostGrowth;
  const first = failures
    .slice(0, 5)
    .map(({ at, person, what }) => `${at} ms, ${person}: ${what}`)
    .join('\n  ');
  return [
    ...(failures.length > 0 ? [`${failures.length} requests failed:\n  ${first}`] : []),
    ...(socketsCut > 0 ? [`${socketsCut} WebSockets were cut`] : []),
    ...secondRefreshes.map((each) => `a refresh token was sent twice: ${each}`),
    ...(refreshes === 0 ? ['nothing was refreshed'] : []),
    ...wrong,
    ...(memory && grown('rss') ? [`memory grew from ${before.rss} to ${after.rss}`] : []),
    ...(grown('descriptors') && after.descriptors > before.descriptors + fewDescriptors
      ? [`descriptors grew from ${before.descriptors} to ${after.descriptors}`]
      : []),
  ];
}
