import type { Clock } from '../clock.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { type SilenceWatch, watchSilence } from '../listen/silence.ts';
import type { Emit } from '../observe/events.ts';
import { silentBody } from '../request/transports/ending.ts';
import type { EntryOf } from '../request/transports/entry.ts';

export interface ConnectionNeeds {
  clock: Clock;
  emit: Emit;
  entryOf: EntryOf;
}

/** Looks after every connection of clients and to targets; how long they may be silent says the plan in force. */
export function watchConnections({ clock, emit, entryOf }: ConnectionNeeds): SilenceWatch {
  return watchSilence(clock, {
    silentBody: (request) => silentBody(entryOf(request)),
    cut: ({ remoteAddress }, limit) =>
      emit({
        kind: 'silent-connection-closed',
        client: peerAddress(remoteAddress),
        limit: `limits.${limit}`,
      }),
  });
}
