import type { Degraded } from '../estate/health.ts';
import { type AdminAnswer, type AdminOptions, exitCodes, membersOf, withAdmin } from './admin-client.ts';

export interface StatusOptions extends AdminOptions {
  /** One line, and an exit code that container engines know: 0 or 1. */
  health?: boolean | undefined;
  /** What the gateway says, as it is. */
  json?: boolean | undefined;
}

/** Less than the time-out of a health check, so that what is printed says why. */
const healthTimeoutMs = 3000;

/** `sallyport status`: how a gateway stands that runs. Gives the exit code: 0 ready, 1 not ready, 2 no answer. */
export async function status(options: StatusOptions): Promise<number> {
  const code = await withAdmin(options, async (admin) => {
    const timeout = options.health ? { timeout: healthTimeoutMs } : {};
    const answer = await admin.ask('GET', '/readyz', timeout);
    if (!isHealth(answer)) {
      console.error(`${admin.address} does not answer as a gateway does (${answer.status})`);
      return exitCodes.unreachable;
    }
    if (options.json) console.log(JSON.stringify(answer.json, undefined, 2));
    else if (options.health) console.log(oneLine(answer));
    else console.log(shown(admin.address, answer));
    return answer.status === 200 ? exitCodes.done : exitCodes.refused;
  });
  return options.health && code !== exitCodes.done ? exitCodes.refused : code;
}

const isHealth = (answer: AdminAnswer): boolean =>
  (answer.status === 200 || answer.status === 503) && typeof membersOf(answer).status === 'string';

function partsOf(answer: AdminAnswer) {
  const { missing, degraded } = membersOf(answer) as { missing?: string[]; degraded?: Degraded[] };
  return { missing: missing ?? [], degraded: degraded ?? [] };
}

const nameOf = ({ reason, name }: Degraded) => (name === undefined ? reason : `${reason} (${name})`);

function oneLine(answer: AdminAnswer): string {
  const { missing, degraded } = partsOf(answer);
  if (answer.status !== 200) return `not ready: ${missing.join('; ')}`;
  return degraded.length === 0 ? 'ready' : `ready, degraded: ${degraded.map(nameOf).join(', ')}`;
}

function shown(address: string, answer: AdminAnswer): string {
  const { missing, degraded } = partsOf(answer);
  return [
    `${answer.status === 200 ? 'ready' : 'not ready'}: the gateway at ${address}`,
    ...missing.map((sentence) => `  missing   ${sentence}`),
    ...degraded.map((each) => `  degraded  ${nameOf(each)}: ${each.detail}`),
  ].join('\n');
}
