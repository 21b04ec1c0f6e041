import { tellDifferences } from '../plan/differences/tell.ts';
import type { Differences } from '../plan/differences.ts';
import { type AdminOptions, exitCodes, membersOf, refusalIn, withAdmin } from './admin-client.ts';

export interface ReloadOptions extends AdminOptions {
  /** Only says what would change. */
  dryRun?: boolean | undefined;
  /** What the gateway says, as it is. */
  json?: boolean | undefined;
}

/** A provider that is out is waited for before the new configuration is in force. */
const reloadTimeoutMs = 120_000;

/**
 * `sallyport reload`: has a gateway read its configuration again. Gives the exit code: 0 done, 1 refused, with the
 * problems printed, 2 no answer.
 */
export function reload(options: ReloadOptions): Promise<number> {
  return withAdmin(options, async (admin) => {
    const path = options.dryRun ? '/reload?dry-run' : '/reload';
    const answer = await admin.ask('POST', path, { isOperator: true, timeout: reloadTimeoutMs });
    if (options.json) console.log(JSON.stringify(answer.json, undefined, 2));
    const { problems } = membersOf(answer);
    if (answer.status === 200) {
      if (!options.json) console.log(shown(membersOf(answer)));
      return exitCodes.done;
    }
    console.error(refusalIn(answer));
    for (const problem of textsIn(problems)) console.error(`  ${problem}`);
    return exitCodes.refused;
  });
}

const words: Readonly<Record<string, string>> = {
  reloaded: 'reloaded',
  unchanged: 'nothing has changed',
  'would-reload': 'the configuration can be used; nothing was changed',
};

function shown({ result, differences, warnings }: Readonly<Record<string, unknown>>): string {
  return [
    words[String(result)] ?? String(result),
    ...(result === 'unchanged' ? [] : tellDifferences(differences as Differences)),
    ...textsIn(warnings).map((warning) => `warning: ${warning}`),
  ].join('\n');
}

const textsIn = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
