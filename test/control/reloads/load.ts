import { Agent, request } from 'node:http';
import type { Client } from '../../support/client.ts';

/** A request that did not get what it asked for. */
export interface Failure {
  /** Milliseconds since the begin of the load. */
  at: number;
  person: string;
  /** The status with the code of the error, or what happened to the connection. */
  what: string;
}

/** Requests of people who are signed in, at a steady rate, but for so many at once. */
export interface Load {
  sent(): number;
  failures(): readonly Failure[];
  /** How long the slowest hundredth took, in milliseconds. */
  p99(): number;
  /** Sends nothing more until `resume`; resolves when all answers have come and connections are closed. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

const tickMs = 10;
const mostAtOnce = 64;
/** Below the time after which the gateway closes an idle connection: who sends just then would lose. */
const idleMs = 20_000;
const answerWithinMs = 60_000;

export interface LoadOptions {
  url: string;
  people: ReadonlyMap<string, Client>;
  /** Requests a second. */
  rate: number;
  /** Called with the body of each answer; gives what is wrong with it. */
  judge(body: string): string | undefined;
}

export function startLoad({ url, people, rate, judge }: LoadOptions): Load {
  const names = [...people.keys()];
  const failures: Failure[] = [];
  const durations: number[] = [];
  const open = new Set<Promise<void>>();
  const begun = performance.now();
  let agent = newAgent();
  let sent = 0;
  /** Of the time that has passed while it was not paused. */
  let due = 0;
  let last = performance.now();
  let isPaused = false;

  const send = async (number: number) => {
    const person = names[number % names.length] ?? '';
    const client = people.get(person) as Client;
    const from = performance.now();
    const what = await ask(agent, `${url}/page/${number % 50}`, client, judge);
    durations.push(performance.now() - from);
    if (what !== undefined) failures.push({ at: Math.round(from - begun), person, what });
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (!isPaused) due += ((now - last) * rate) / 1000;
    last = now;
    // What would only wait for a connection goes with a cookie that grows old: a machine that is too slow sends less.
    if (open.size >= mostAtOnce) due = Math.min(due, sent);
    for (; !isPaused && sent < Math.floor(due) && open.size < mostAtOnce; sent++) {
      const asking = send(sent).finally(() => open.delete(asking));
      open.add(asking);
    }
  }, tickMs);
  const pause = async () => {
    isPaused = true;
    await Promise.all(open);
    agent.destroy();
    agent = newAgent();
  };

  return {
    sent: () => sent,
    failures: () => failures,
    p99: () => [...durations].sort((a, b) => a - b)[Math.floor(durations.length * 0.99)] ?? 0,
    pause,
    resume() {
      last = performance.now();
      isPaused = false;
    },
    async stop() {
      clearInterval(timer);
      await pause();
    },
  };
}

const newAgent = () => new Agent({ keepAlive: true, maxSockets: mostAtOnce, timeout: idleMs });

/** What went wrong; undefined for nothing. */
function ask(
  agent: Agent,
  url: string,
  { cookies }: Client,
  judge: LoadOptions['judge'],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = {
      cookie: cookies.headerFor(url) ?? '',
      accept: 'application/json',
      'x-requested-with': 'load',
    };
    const outgoing = request(url, { agent, headers }, (answer) => {
      cookies.take(url, answer.headersDistinct['set-cookie'] ?? []);
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => {
        const { statusCode } = answer;
        const code = answer.headers['x-sallyport-error'];
        resolve(statusCode === 200 ? judge(body) : `${statusCode} ${code ?? ''} ${body.slice(0, 200)}`);
      });
      answer.on('error', (error) => resolve(`the answer broke off: ${error.message}`));
      answer.on('close', () => resolve('the answer broke off'));
    });
    const reused = () => (outgoing.reusedSocket ? ', on a connection that was used before' : '');
    // From here on, be there a connection for it or not.
    const limit = setTimeout(() => outgoing.destroy(new Error('no answer')), answerWithinMs);
    outgoing.on('close', () => clearTimeout(limit));
    outgoing.on('error', (error) => resolve(`${error.message}${reused()}`));
    outgoing.end();
  });
}
