import { Agent, request } from 'node:http';

/** A request as its client saw it. */
export interface Asked {
  method: 'GET' | 'POST';
  /** By a monotonic clock, in milliseconds. */
  startedAt: number;
  tookMs: number;
  /** The answer, or what went wrong. */
  answer: string;
  isGood: boolean;
}

export interface Load {
  /** What has ended so far. */
  asked: readonly Asked[];
  /** Sends no more, and waits for those that are under way. */
  stop(): Promise<void>;
}

/** Sends requests at a steady pace, whatever comes of them, every fifth of them a POST with a body. */
export function startLoad(url: string, perSecond: number, longestMs: number): Load {
  const agent = new Agent({ keepAlive: true });
  const begun = performance.now();
  const underWay = new Set<Promise<void>>();
  const asked: Asked[] = [];
  let sent = 0;
  const send = (at: number) =>
    new Promise<void>((resolve) => {
      const startedAt = performance.now();
      const method = at % 5 === 0 ? 'POST' : 'GET';
      const done = (answer: string, isGood: boolean) => {
        asked.push({ method, startedAt, tookMs: performance.now() - startedAt, answer, isGood });
        resolve();
      };
      const going = request(`${url}/page/${at}`, { agent, method, timeout: longestMs }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('error', (error) => done(error.message, false));
        answer.on('end', () =>
          answer.statusCode === 200 ? done(text, true) : done(`${answer.statusCode}`, false),
        );
      });
      going.on('timeout', () => going.destroy(new Error('no answer in time')));
      going.on('error', (error) => done(error.message, false));
      going.end(method === 'POST' ? 'a=b' : undefined);
    });
  const timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1000) * perSecond;
    while (sent < due) {
      const one = send(sent++);
      underWay.add(one);
      void one.then(() => underWay.delete(one));
    }
  }, 5);
  return {
    asked,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}
