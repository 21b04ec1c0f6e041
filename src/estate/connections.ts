import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { type SilenceWatch, watchSilence } from '../listen/silence.ts';
import type { Logger } from '../observe/log.ts';

export interface ConnectionNeeds {
  clock: Clock;
  log: Logger;
  /** The body of a request does not come. */
  silentBody(answer: ServerResponse): void;
}

/** Looks after every connection of clients and to targets; how long they may be silent says the plan in force. */
export function watchConnections({ clock, log, silentBody }: ConnectionNeeds): SilenceWatch {
  return watchSilence(clock, {
    silentBody,
    cut: ({ remoteAddress }, limit) =>
      log.info(
        { peer: peerAddress(remoteAddress), limit: `limits.${limit}` },
        'a silent connection was closed',
      ),
  });
}
