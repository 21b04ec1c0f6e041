import type { TargetEvent } from '../../events/targets.ts';
import type { LinesOf } from './line.ts';

export const targetLines = {
  'target-repaired': {
    level: 'warn',
    message: 'answers of this target are repaired from now on',
    fields: ['target', 'reason'],
  },
  'target-out': {
    level: 'warn',
    message: 'a target is left out while there are others',
    fields: ['target', 'reason'],
  },
  'target-back': { level: 'info', message: 'a target that was left out serves again', fields: ['target'] },
} satisfies LinesOf<TargetEvent>;
