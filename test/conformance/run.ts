import { readFile } from 'node:fs/promises';
import { launchBrowser } from '../support/browser.ts';
import { startUpstream } from '../support/upstream.ts';
import { type Run, runsOf } from './plans.ts';
import { type PlanResult, runPlan } from './run-plan.ts';
import { makeSetting, type Setting } from './setting.ts';
import { startSuite } from './suite.ts';
import { isGood, tableOf } from './table.ts';

export interface ConformanceOptions {
  /** The program of the suite. */
  jar: string;
  java: string;
  mongodb: string;
  /** The names of the plans to run, by their beginnings; all when empty. */
  plans: readonly string[];
  /** Which modules of them; all when absent. */
  only?: RegExp | undefined;
  /** A module that did not pass is run once more. */
  again: boolean;
  /** So many plans at a time: most of a run is waiting. */
  jobs: number;
  /** Where logs go; nowhere when absent. */
  folder?: string | undefined;
  say(line: string): void;
  /** Is told of the table whenever a plan has ended. */
  soFar(table: string): void;
}

export interface Conformance {
  /** Markdown. */
  table: string;
  isGood: boolean;
}

/** Starts the suite, runs plans against gateways of this project, and says what came of it. */
export async function runConformance(options: ConformanceOptions): Promise<Conformance> {
  const { plans, only, again, folder, jobs, say } = options;
  const suite = await startSuite(options);
  const upstream = await startUpstream();
  const browser = await launchBrowser();
  try {
    const results = new Map<string, PlanResult>();
    const begun = new Set<string>();
    const isWanted = ({ name }: Run) =>
      plans.length === 0 || plans.some((each) => name === each || name.startsWith(`${each}-`));
    const settings = await Promise.all(
      Array.from({ length: jobs }, (_, job) => makeSetting(suite, suite.ca, `sallyport-${job}`)),
    );
    const inOrder = () =>
      settings
        .slice(0, 1)
        .flatMap((setting) => runsOf(setting).flatMap(({ name }) => results.get(name) ?? []));
    const work = async (setting: Setting) => {
      const needs = { setting, api: suite.api, browser, upstream: upstream.url, folder, only, again, say };
      for (const run of runsOf(setting).filter(isWanted)) {
        if (begun.has(run.name)) continue;
        begun.add(run.name);
        results.set(run.name, await runPlan(run, needs));
        options.soFar(tableOf(inOrder()));
      }
    };
    await Promise.all(settings.map(work));
    return { table: tableOf(inOrder()), isGood: results.size > 0 && isGood(inOrder()) };
  } finally {
    await browser.close();
    await upstream.close();
    await suite.stop();
  }
}

const begins = '<!-- the table of `npm run conformance` -->';
const ends = '<!-- its end -->';

/** The text of a page with another table in it. */
export async function withTable(file: string, table: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  const [before, rest] = text.split(begins);
  const [, after] = (rest ?? '').split(ends);
  if (after === undefined) throw new Error(`${file} has no place for the table`);
  return `${before}${begins}\n\n${table}\n\n${ends}${after}`;
}
