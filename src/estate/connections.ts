import type { Clock } from '../clock.ts';
import type { Crowd } from '../limits/crowd.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { type SilenceWatch, watchSilence } from '../listen/silence.ts';
import type { Emit } from '../observe/events.ts';
import { silentBody } from '../request/transports/ending.ts';
import type { EntryOf } from '../request/transports/entry.ts';

export interface ConnectionNeeds {
  clock: Clock;
  emit: Emit;
  entryOf: EntryOf;
  crowd: Pick<Crowd, 'isThere'>;
}

/** Looks after every connection of clients and to targets; how long they may be silent says the plan in force. */
export function watchConnections({ clock, emit, entryOf, crowd }: ConnectionNeeds): SilenceWatch {
  return watchSilence(clock, {
    silentBody: (request, isSlow) => silentBody(entryOf(request), isSlow),
    isCrowded: crowd.isThere,
    cut: ({ remoteAddress }, limit) =>
      emit({
        kind: 'silent-connection-closed',
        client: peerAddress(remoteAddress),
        limit: `limits.${limit}`,
      }),
  });
}
