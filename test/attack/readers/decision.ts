import { withAccess } from '../../../src/access/decide.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { GatewayError } from '../../../src/errors.ts';
import { resolveTarget } from '../../../src/routes/resolve.ts';
import { compileRoutes, type RouteTable } from '../../../src/routes/table.ts';
import { makeTarget } from '../../../src/routes/target.ts';
import { upstreamPath } from '../../../src/routes/upstream-path.ts';
import type { TableRoute } from './tables.ts';

/** What the gateway does with a path: sends it along a route, answers it itself, or refuses it. */
export type Decision =
  | { kind: 'passes'; along: TableRoute; upstreamPath: string }
  | { kind: 'endpoint'; path: string }
  | { kind: 'refused'; code: string };

export type Decide = (path: string, method: string) => Decision;

/** Compiles a table as the gateway does, and asks the gateway's own functions. */
export function gatewayOf(routes: readonly TableRoute[], paths?: Record<string, unknown>): Decide {
  const [decide] = gatewaysOf([routes], paths);
  if (!decide) throw new Error('no table');
  return decide;
}

/** The same for many tables, each on a host of its own: a configuration costs more to read than to ask. */
export function gatewaysOf(
  tables: readonly (readonly TableRoute[])[],
  paths?: Record<string, unknown>,
): Decide[] {
  const hostOf = (index: number) => `t${index}.example.com`;
  const document = {
    publicUrl: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
    session: { secret: Buffer.alloc(32, 1).toString('base64') },
    ...(paths ? { paths } : {}),
    routes: tables.flatMap((routes, index) =>
      routes.map((route) => ({ ...route, host: hostOf(index), upstream: 'http://127.0.0.1:1' })),
    ),
  };
  const { config } = parseConfig(JSON.stringify(document), { file: undefined, env: {} });
  const table = compileRoutes(withAccess(config));
  return tables.map((routes, index) => decideBy(table, hostOf(index), routes));
}

type Named = { path: string; methods?: readonly string[] | undefined };

const nameOf = ({ path, methods }: Named) => `${path} ${methods ?? ''}`;

function decideBy(table: RouteTable, host: string, routes: readonly TableRoute[]): Decide {
  const origins = new Map(routes.map((route) => [nameOf(route), route]));
  return (path, method) => {
    try {
      const target = makeTarget(path, host);
      const resolution = resolveTarget(table, '/oauth2', target, method);
      if (resolution.kind === 'endpoint') return resolution;
      const along = origins.get(nameOf(resolution.route));
      if (!along) throw new Error('a route that is not in the table');
      return { kind: 'passes', along, upstreamPath: upstreamPath(resolution.route, target.path) };
    } catch (error) {
      if (error instanceof GatewayError) return { kind: 'refused', code: error.code };
      throw error;
    }
  };
}
