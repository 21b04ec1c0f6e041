import type { Clock } from '../clock.ts';

/** How long something open may stay so. */
export interface Lifespan {
  /** Seconds since the epoch. */
  endsAt: number;
  /** The session that it rides on was ended. */
  isRevoked(): boolean;
}

/** Why something that is open ends. */
export interface Ending {
  /** Of a WebSocket's close frame (RFC 6455 §7.4). */
  code: number;
  reason: string;
  /** What the client still sends goes upstream, up to its own close frame; without it, nothing does any more. */
  mayFinish: boolean;
}

/** What it is that stays open. */
export type LiveKind = 'websocket' | 'event-stream';

interface LiveConnection {
  kind: LiveKind;
  lifespan: Lifespan | undefined;
  end(ending: Ending): void;
}

/** WebSockets and event streams that are open, so that they end with their session, and with the process. */
export interface LiveConnections {
  /**
   * Returns what takes the connection off. What comes when its session is over ends at once, and so does what comes
   * when everything was ended.
   * @param lifespan undefined for what rides on no session
   * @param kind a WebSocket unless it is said
   */
  add(lifespan: Lifespan | undefined, end: (ending: Ending) => void, kind?: LiveKind): () => void;
  /** How many of a kind are open. */
  count(kind: LiveKind): number;
  /** Ends every connection whose session was ended. */
  endRevoked(): void;
  /** Ends every connection, and those that are still to come. */
  endAll(ending: Ending): void;
  close(): void;
}

/** How often ends by the clock are looked for; one timer for all connections. */
const sweepMs = 1000;

/** As applications use it: signing in again helps (RFC 6455 §7.4.2 leaves 4000 to 4999 to them). */
const sessionEndedCode = 4401;
const ofSession = (reason: string): Ending => ({ code: sessionEndedCode, reason, mayFinish: false });
const sessionEnded = ofSession('the session was ended');
const sessionExpired = ofSession('the session has expired');

export function createLiveConnections(clock: Clock): LiveConnections {
  const open = new Set<LiveConnection>();
  let endingOfAll: Ending | undefined;
  const endWhere = (test: (lifespan: Lifespan | undefined) => boolean | undefined, ending: Ending) => {
    for (const connection of open) {
      if (!test(connection.lifespan)) continue;
      open.delete(connection);
      connection.end(ending);
    }
  };
  const sweep = clock.every(sweepMs, () => {
    const seconds = clock.now() / 1000;
    endWhere((lifespan) => lifespan && lifespan.endsAt <= seconds, sessionExpired);
  });
  sweep.unref();
  return {
    add(lifespan, end, kind = 'websocket') {
      const connection = { kind, lifespan, end };
      // The session may have been ended while the upstream was about to answer.
      if (lifespan?.isRevoked()) end(sessionEnded);
      else if (endingOfAll) end(endingOfAll);
      else open.add(connection);
      return () => open.delete(connection);
    },
    count: (kind) => [...open].filter((each) => each.kind === kind).length,
    endRevoked: () => endWhere((lifespan) => lifespan?.isRevoked(), sessionEnded),
    endAll(ending) {
      endingOfAll = ending;
      endWhere(() => true, ending);
    },
    close: sweep.cancel,
  };
}
