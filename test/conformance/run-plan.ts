import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { flowOf } from './flows.ts';
import { configurationOf, type Run } from './plans.ts';
import type { Setting } from './setting.ts';
import { type SuiteApi, waitFor } from './suite.ts';

/** What came of one module. */
export interface ModuleResult {
  module: string;
  /** As the suite says: PASSED, SKIPPED, REVIEW, WARNING, FAILED; or that it never ended. */
  result: string;
  /** What the person saw. */
  seen: string;
  /** What the suite has to say against it. */
  complaints: readonly string[];
  /** It did not pass before, and did when it was run once more. */
  isSecond: boolean;
}

export interface PlanResult {
  run: Run;
  modules: readonly ModuleResult[];
  /** What does not apply. */
  leftOut: readonly string[];
}

export interface PlanNeeds {
  setting: Setting;
  api: SuiteApi;
  browser: Browser;
  /** The application behind the gateway. */
  upstream: string;
  /** Where the logs of the suite and of the gateway go; undefined for nowhere. */
  folder: string | undefined;
  /** Which modules are run; all when absent. */
  only: RegExp | undefined;
  /** A module that did not pass is run once more. */
  again: boolean;
  say(line: string): void;
}

interface Plan {
  id: string;
  modules: { testModule: string; variant?: object }[];
}

/** Runs the modules of one plan, one after another: each with a gateway and a browser that never met the suite. */
export async function runPlan(run: Run, needs: PlanNeeds): Promise<PlanResult> {
  const { api, setting, only, say } = needs;
  const configuration = {
    alias: setting.alias,
    description: run.name,
    waitTimeoutSeconds: 3,
    maxWaitForAdditionalRequestSeconds: 2,
    client: run.client,
  };
  const query = { planName: run.plan, variant: JSON.stringify(run.variant) };
  const plan = await api.post<Plan>('plan', query, configuration);
  const modules: ModuleResult[] = [];
  const leftOut: string[] = [];
  for (const { testModule: module, variant = {} } of plan.modules) {
    if (only && !only.test(module)) continue;
    if (run.leavesOut?.test(module)) {
      leftOut.push(module);
      continue;
    }
    const began = performance.now();
    const moduleNeeds = { ...needs, plan: plan.id, variant };
    const first = await runModule(run, module, moduleNeeds);
    // Much in the suite goes by time. Whether it did is to be seen in the table.
    const isRepeated = needs.again && !hasPassed(first);
    const result = isRepeated ? await runModule(run, module, moduleNeeds) : first;
    modules.push({ ...result, isSecond: isRepeated && hasPassed(result) });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const against = result.complaints[0] === undefined ? '' : ` | ${result.complaints[0].slice(0, 200)}`;
    say(`${run.name}  ${module}  ${result.result}  (${result.seen}; ${seconds} s)${against}`);
  }
  // Its results are in hand, and the data base of the suite reads all of them at each look at one.
  await api.delete(`plan/${plan.id}`).catch(() => {});
  return { run, modules, leftOut };
}

interface ModuleNeeds extends PlanNeeds {
  plan: string;
  variant: object;
}

async function runModule(run: Run, module: string, needs: ModuleNeeds): Promise<ModuleResult> {
  const { api, plan, variant } = needs;
  const created = { test: module, plan, variant: JSON.stringify(variant) };
  const { id } = await api.post<{ id: string }>('runner', created);
  let info = await waitFor(api, id, ['CONFIGURED', 'WAITING', 'FINISHED'], 30);
  if (info.status === 'CONFIGURED') {
    await api.post(`runner/${id}`).catch(() => {});
    info = await waitFor(api, id, ['WAITING', 'FINISHED'], 30);
  }
  let seen = 'nothing was asked of anybody';
  if (info.status === 'WAITING') {
    seen = await actOut(run, module, id, needs).catch((error: Error) => `not tried: ${error.message}`);
    info = await waitFor(api, id, ['FINISHED'], 40);
  }
  const hasEnded = info.status === 'FINISHED' || info.status === 'INTERRUPTED';
  if (!hasEnded) await api.delete(`runner/${id}`).catch(() => {});
  const log = await api.get<LogEntry[]>(`log/${id}`);
  if (needs.folder)
    await keep(needs.folder, `${run.name}-${module}-suite.json`, JSON.stringify(log, null, 1));
  const result = hasEnded ? (info.result ?? info.status) : 'NEVER ENDED';
  return { module, result, seen, complaints: log.flatMap(complaintOf), isSecond: false };
}

const hasPassed = ({ result }: ModuleResult) => ['PASSED', 'SKIPPED', 'REVIEW', 'WARNING'].includes(result);

interface LogEntry {
  result?: string;
  src?: string;
  msg?: string;
}

const complaintOf = ({ result = '', src = '', msg = '' }: LogEntry): string[] =>
  ['FAILURE', 'WARNING', 'REVIEW', 'SKIPPED', 'INTERRUPTED'].includes(result)
    ? [`${result} ${src}: ${msg}`]
    : [];

/**
 * Starts a gateway, does what a person does, and stops the gateway before the module ends: it asks for metadata again by
 * itself, and some modules count what still comes.
 */
async function actOut(run: Run, module: string, id: string, needs: ModuleNeeds): Promise<string> {
  const { setting, api, browser, upstream, folder } = needs;
  const gateway = await spawnGateway({ upstream, config: configurationOf(setting, run, module) });
  const contexts: { close(): Promise<void> }[] = [];
  try {
    return await flowOf(module)({
      api,
      id,
      url: setting.gateway.url,
      found: () => providerLookedFor(setting.gateway.adminPort),
      notFound: async () => {
        await gateway.log.line(({ msg }) => msg === 'provider not found');
      },
      async fresh() {
        const context = await browser.newContext({ ignoreHTTPSErrors: true });
        contexts.push(context);
        return context;
      },
    });
  } finally {
    await gateway.stop();
    await Promise.all(contexts.map((context) => context.close()));
    if (folder) await keep(folder, `${run.name}-${module}-gateway.log`, gateway.stdout.join(''));
  }
}

interface Readiness {
  degraded?: { reason: string }[];
}

/** Until the provider was found; in a module in which it cannot be, for a while. */
async function providerLookedFor(adminPort: number): Promise<void> {
  const look = async () => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    const { degraded = [] } = (await answer.json()) as Readiness;
    return !degraded.some(({ reason }) => reason === 'provider_unreachable');
  };
  await until('the provider', () => look().catch(() => false), 4000).catch(() => {});
}

async function keep(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), text);
}
