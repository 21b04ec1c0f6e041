import type { Clock } from '../clock.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { type SilenceWatch, watchSilence } from '../listen/silence.ts';
import type { Logger } from '../observe/log.ts';
import { silentBody } from '../request/transports/ending.ts';
import type { EntryOf } from '../request/transports/entry.ts';

export interface ConnectionNeeds {
  clock: Clock;
  log: Logger;
  entryOf: EntryOf;
}

/** Looks after every connection of clients and to targets; how long they may be silent says the plan in force. */
export function watchConnections({ clock, log, entryOf }: ConnectionNeeds): SilenceWatch {
  return watchSilence(clock, {
    silentBody: (request) => silentBody(entryOf(request)),
    cut: ({ remoteAddress }, limit) =>
      log.info(
        { peer: peerAddress(remoteAddress), limit: `limits.${limit}` },
        'a silent connection was closed',
      ),
  });
}
