import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/schema/index.ts';

/** The file of the audit, where there is one: a gateway that cannot open it does not start. */
export const auditFileOf = ({ audit }: Config): string | undefined =>
  audit === 'off' ? undefined : audit.file;

/** Rejects where the user of this process could not append to the file. Makes none. */
export async function tryAuditFile(file: string): Promise<void> {
  const isThere = await stat(file).then(
    (stats) => {
      if (stats.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
      return true;
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  if (isThere) return access(file, constants.W_OK);
  return access(dirname(file), constants.W_OK | constants.X_OK);
}

/** The collector that the configuration names; that of a variable of OpenTelemetry is not looked at. */
export const collectorsOf = ({ tracing }: Config): string[] =>
  tracing === 'off' || tracing.endpoint === undefined ? [] : [new URL(tracing.endpoint).origin];
