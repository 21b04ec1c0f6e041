import type { Clock } from '../clock.ts';

/** How long something open may stay so. */
export interface Lifespan {
  /** Seconds since the epoch. */
  endsAt: number;
  /** The session that it rides on was ended. */
  isRevoked(): boolean;
}

interface LiveConnection {
  lifespan: Lifespan;
  end(reason: string): void;
}

/** WebSockets and event streams that are open, so that they end with their session. */
export interface LiveConnections {
  /** Returns what takes the connection off. What comes when its session is over ends at once. */
  add(lifespan: Lifespan, end: (reason: string) => void): () => void;
  /** Ends every connection whose session was ended. */
  endRevoked(): void;
  close(): void;
}

/** How often ends by the clock are looked for; one timer for all connections. */
const sweepMs = 1000;

const sessionEnded = 'the session was ended';

export function createLiveConnections(clock: Clock): LiveConnections {
  const open = new Set<LiveConnection>();
  const endWhere = (test: (lifespan: Lifespan) => boolean, reason: string) => {
    for (const connection of open) {
      if (!test(connection.lifespan)) continue;
      open.delete(connection);
      connection.end(reason);
    }
  };
  const look = () => {
    const seconds = clock.now() / 1000;
    endWhere(({ endsAt }) => endsAt <= seconds, 'the session has expired');
  };
  const sweep = clock.every(sweepMs, look).unref();
  return {
    add(lifespan, end) {
      const connection = { lifespan, end };
      // The session may have been ended while the upstream was about to answer.
      if (lifespan.isRevoked()) end(sessionEnded);
      else open.add(connection);
      return () => open.delete(connection);
    },
    endRevoked: () => endWhere(({ isRevoked }) => isRevoked(), sessionEnded),
    close: () => sweep.cancel(),
  };
}
