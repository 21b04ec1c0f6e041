import type { ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';

const tickMs = 1000;

/** Tells the time to everybody who listens, by server-sent events (WHATWG HTML §9.2). */
export interface WallClock {
  /** Answers with one event each second, until the reader leaves or the clock stops. */
  stream(response: ServerResponse, reader: string | undefined): void;
  /** Ends every stream, and those that are still to come at once. */
  stop(): void;
}

export function startWallClock(clock: Clock): WallClock {
  const readers = new Map<ServerResponse, () => void>();
  const timer = clock.every(tickMs, () => {
    for (const tell of readers.values()) tell();
  });
  let stopped = false;
  return {
    stream(response, reader) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      if (stopped) {
        response.end();
        return;
      }
      const tell = () => {
        const time = new Date(clock.now()).toISOString().slice(11, 19);
        response.write(`data: ${JSON.stringify({ time, for: reader })}\n\n`);
      };
      tell();
      readers.set(response, tell);
      response.on('close', () => readers.delete(response));
    },
    stop() {
      stopped = true;
      timer.cancel();
      for (const response of readers.keys()) response.end();
      readers.clear();
    },
  };
}

/** Runs in the browser. */
export const clockScript = `const time = document.getElementById('time');
const reader = document.getElementById('reader');
const events = new EventSource('/clock');
events.onmessage = ({ data }) => {
  const tick = JSON.parse(data);
  time.textContent = tick.time + ' UTC';
  reader.textContent = tick.for ? 'ticking for ' + tick.for : '';
};
events.onerror = () => { reader.textContent = 'The clock has stopped; it goes on when the line is back.'; };
`;
