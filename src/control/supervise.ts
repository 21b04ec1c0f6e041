import type { ReloadAnswer } from '../admin/controls.ts';
import type { Clock } from '../clock.ts';
import type { Emit } from '../observe/events.ts';
import type { Reloader, ReloadOptions } from './reloader.ts';
import { type FileWatch, watchFiles } from './watch-files.ts';

export interface SuperviseNeeds {
  emit: Emit;
  clock: Clock;
  /** The process whose signals count. */
  host?: Pick<NodeJS.Process, 'on'>;
}

/**
 * Reloads when this process is asked to by a signal, and, where the configuration in force says `watch`, when one of its
 * files has changed. Gives the way to ask for a reload otherwise. With `reload: off` all of them are refused.
 */
export function superviseReloads(
  reloader: Reloader,
  { emit, clock, host = process }: SuperviseNeeds,
): Pick<Reloader, 'reload'> {
  let watch: FileWatch | undefined;
  const reload = async (options: ReloadOptions): Promise<ReloadAnswer> => {
    if (reloader.inForce().config.reload === 'off' && !options.dryRun) {
      emit({ kind: 'reload-off', by: options.by });
      return { result: 'refused', problems: ['`reload` is off in the configuration in force'] };
    }
    if (!options.dryRun) watch?.seen();
    const answer = await reloader.reload(options);
    follow();
    return answer;
  };
  const follow = () => {
    if (reloader.inForce().config.reload === 'watch') {
      watch ??= watchFiles(reloader.paths, clock, () => void reload({ by: 'watch' }), reloader.markOf);
      return;
    }
    watch?.close();
    watch = undefined;
  };
  let isWaiting = false;
  /** Of many signals one has to wait: it reads what is there after the last of them. */
  const reloadBySignal = async () => {
    if (isWaiting) return;
    isWaiting = true;
    await reloader.idle();
    isWaiting = false;
    await reload({ by: 'SIGHUP' });
  };
  host.on('SIGHUP', () => void reloadBySignal());
  follow();
  return { reload };
}
