import { notForUs } from './plans.ts';
import type { ModuleResult, PlanResult } from './run-plan.ts';

const columns = ['PASSED', 'SKIPPED', 'REVIEW', 'WARNING', 'FAILED'] as const;

const countOf = (modules: readonly ModuleResult[], result: (typeof columns)[number]): number =>
  modules.filter((module) => columnOf(module) === result).length;

/** What never ended, or was interrupted, has failed. */
const columnOf = ({ result }: ModuleResult): (typeof columns)[number] =>
  columns.find((column) => column === result) ?? 'FAILED';

/** The table of a run, and each module that did not pass, with what the suite says of it. */
export function tableOf(results: readonly PlanResult[]): string {
  const rows = results.map(({ run, modules }) => {
    const cells = columns.map((column) => String(countOf(modules, column) || '–'));
    return `| ${run.title} | \`${run.plan}\` | ${modules.length} | ${cells.join(' | ')} |`;
  });
  const others = results.flatMap(({ run, modules }) =>
    modules
      .filter((module) => columnOf(module) !== 'PASSED')
      .map((module) => `- ${run.title}, \`${module.module}\`: ${module.result}${reasonOf(module)}`),
  );
  const second = results.flatMap(({ run, modules }) =>
    modules.filter(({ isSecond }) => isSecond).map(({ module }) => `\`${module}\` (${run.name})`),
  );
  return [
    '| plan | of the suite | modules | passed | skipped | review | warning | failed |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    ...(second.length > 0 ? ['', `At the second attempt: ${second.join(', ')}.`] : []),
    ...(others.length > 0 ? ['', 'Those that did not simply pass:', '', ...others] : []),
    ...leftOutOf(results),
  ].join('\n');
}

function reasonOf({ complaints: [first] }: ModuleResult): string {
  return first === undefined ? '' : `. ${first.replace(/\s+/g, ' ').slice(0, 160)}`;
}

function leftOutOf(results: readonly PlanResult[]): string[] {
  const modules = [...new Set(results.flatMap(({ leftOut }) => leftOut))].sort();
  if (modules.length === 0) return [];
  const why = (module: string) => notForUs.find(([pattern]) => pattern.test(module))?.[1] ?? '';
  return [
    '',
    'Left out, since it does not apply:',
    '',
    ...modules.map((each) => `- \`${each}\`: ${why(each)}`),
  ];
}

/** Whether no module failed. */
export const isGood = (results: readonly PlanResult[]): boolean =>
  results.every(({ modules }) => modules.every((module) => columnOf(module) !== 'FAILED'));
