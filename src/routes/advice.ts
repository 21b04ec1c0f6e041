import { GatewayError } from '../errors.ts';
import { resolveTarget } from './resolve.ts';
import type { TableConfig } from './route.ts';
import type { PathSettings } from './settings.ts';
import { compileRoutes, type RouteTable } from './table.ts';
import type { RequestTarget } from './target.ts';

/** What may be said of how applications read paths, from the least on. */
const choices: readonly Partial<PathSettings>[] = [
  { ignoreCase: true },
  { parameters: 'strip' },
  { encodedSlash: 'separator' },
  { ignoreCase: true, parameters: 'strip' },
  { ignoreCase: true, encodedSlash: 'separator' },
  { parameters: 'strip', encodedSlash: 'separator' },
  { ignoreCase: true, parameters: 'strip', encodedSlash: 'separator' },
];

/** A request that is refused, and what would let it pass. */
export interface Advice {
  path: string;
  /** Which token made it ambiguous. */
  reason: string;
  /** Settings such as `paths.ignoreCase: true`; undefined where none of them does. */
  settings: string | undefined;
}

/** Why a path is refused as ambiguous, and the settings of `paths` with which it passes; undefined where it is not. */
export function adviseOn(config: TableConfig, target: RequestTarget, method: string): Advice | undefined {
  const prefix = config.endpoints?.prefix ?? '/oauth2';
  const refusal = refusalOf(compileRoutes(config), prefix, target, method);
  if (!refusal) return undefined;
  const helping = choices.find(
    (choice) => !refusalOf(compileRoutes(withSettings(config, choice)), prefix, target, method),
  );
  const settings = helping && Object.entries(helping).map(([key, value]) => `paths.${key}: ${value}`);
  return { path: target.path, reason: refusal.message, settings: settings?.join(', ') };
}

/**
 * For each setting of `paths` that would make a difference, an ordinary spelling of a route's path that is refused
 * without it.
 */
export function adviseOnRoutes(config: TableConfig): Advice[] {
  const table = compileRoutes(config);
  const found = new Map<string, Advice>();
  for (const { host, path, methods } of table.routes) {
    if (path === '/') continue;
    const hostname = host?.replace('*', 'www') ?? table.hosts.find((each) => !each.startsWith('*')) ?? '';
    for (const spelt of [`${path.slice(0, 1)}${otherCase(path.slice(1))}`, `${path};v=1`, `${path}%2Fx`]) {
      const advice = adviseOn(
        config,
        { path: spelt, query: '', host: hostname, hostname },
        methods?.[0] ?? 'GET',
      );
      if (advice?.settings !== undefined && !found.has(advice.settings)) found.set(advice.settings, advice);
    }
    if (found.size > 2) break;
  }
  return [...found.values()];
}

function otherCase(text: string): string {
  const upper = text.replace(/[a-z]/, (letter) => letter.toUpperCase());
  return upper === text ? text.toLowerCase() : upper;
}

function withSettings(config: TableConfig, choice: Partial<PathSettings>): TableConfig {
  const { hosts = {}, ...common } = config.paths ?? {
    ignoreCase: false,
    parameters: 'any' as const,
    encodedSlash: 'any' as const,
  };
  const changed = Object.entries(hosts).map(([host, settings]) => [host, { ...settings, ...choice }]);
  return { ...config, paths: { ...common, ...choice, hosts: Object.fromEntries(changed) } };
}

function refusalOf(
  table: RouteTable,
  prefix: string,
  target: RequestTarget,
  method: string,
): GatewayError | undefined {
  try {
    resolveTarget(table, prefix, target, method);
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError) return error.code === 'ambiguous_path' ? error : undefined;
    throw error;
  }
}
