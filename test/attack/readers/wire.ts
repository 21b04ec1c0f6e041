import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  body: string;
}

export interface Pace {
  /** How many connections ask at the same time. */
  connections: number;
  /** How many requests stand on a connection before the first answer. */
  pipelined: number;
}

/** A server that says nothing for so long is taken for one that does not answer this request. */
const silenceMs = 4000;

/**
 * Asks a server for raw request targets, byte for byte (each character is one byte), thousands a second.
 * Gives the answers in the order of the targets; undefined where the server hung up without one.
 */
export async function askAll(
  port: number,
  targets: readonly string[],
  pace: Pace,
): Promise<(Answer | undefined)[]> {
  const answers: (Answer | undefined)[] = new Array(targets.length).fill(undefined);
  let next = 0;
  const work = async () => {
    while (next < targets.length) {
      const from = next;
      next = Math.min(targets.length, from + pace.pipelined * 8);
      await askInTurn(port, targets.slice(from, next), pace.pipelined, (index, answer) => {
        answers[from + index] = answer;
      });
    }
  };
  await Promise.all(Array.from({ length: pace.connections }, work));
  return answers;
}

/** Asks on one connection, and on a new one from the first unanswered request whenever the server hangs up. */
async function askInTurn(
  port: number,
  targets: readonly string[],
  pipelined: number,
  found: (index: number, answer: Answer) => void,
): Promise<void> {
  let done = 0;
  let refusals = 0;
  while (done < targets.length) {
    const talk = await converse(port, targets.slice(done), pipelined, (index, answer) =>
      found(done + index, answer),
    );
    if (!talk.connected && ++refusals > 20) throw new Error(`nobody listens on port ${port}`);
    if (!talk.connected) await new Promise((resolve) => setTimeout(resolve, 50));
    // Hung up on the first one, which says that it reaches nothing.
    else done += Math.max(1, talk.answered);
  }
}

interface Talk {
  connected: boolean;
  answered: number;
}

function converse(
  port: number,
  targets: readonly string[],
  pipelined: number,
  found: (index: number, answer: Answer) => void,
): Promise<Talk> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const talk: Talk = { connected: false, answered: 0 };
    let sent = 0;
    let received = '';
    const finish = () => {
      socket.destroy();
      resolve(talk);
    };
    const take = (ended: boolean) => {
      for (;;) {
        const taken = talk.answered < sent && takeAnswer(received, ended);
        if (!taken) break;
        found(talk.answered++, taken.answer);
        received = received.slice(taken.length);
        if (taken.isLast) return finish();
      }
      if (talk.answered === targets.length) return finish();
      if (!ended && talk.answered === sent) sent = send(socket, targets, sent, pipelined);
    };
    socket.setNoDelay(true);
    socket.setTimeout(silenceMs, finish);
    socket.on('connect', () => {
      talk.connected = true;
      sent = send(socket, targets, 0, pipelined);
    });
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      take(false);
    });
    socket.on('end', () => take(true));
    socket.on('error', () => undefined);
    socket.on('close', finish);
  });
}

function send(socket: Socket, targets: readonly string[], from: number, pipelined: number): number {
  const to = Math.min(targets.length, from + pipelined);
  const requests = targets
    .slice(from, to)
    .map((target) => `GET ${target} HTTP/1.1\r\nHost: reader.test\r\n\r\n`);
  socket.write(Buffer.from(requests.join(''), 'latin1'));
  return to;
}

interface Taken {
  answer: Answer;
  length: number;
  /** The server hangs up after it. */
  isLast: boolean;
}

/** The first answer of what came, once it is whole. */
function takeAnswer(text: string, ended: boolean): Taken | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const isLast = /\r\nconnection: *close/i.test(head) || head.startsWith('HTTP/1.0');
  if (status === 204 || status === 304) return { answer: { status, body: '' }, length: start, isLast };
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return takeChunked(text, start, status, isLast);
  const announced = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const end = announced === undefined ? text.length : start + Number(announced);
  if (announced === undefined ? !ended : text.length < end) return undefined;
  return { answer: { status, body: text.slice(start, end) }, length: end, isLast };
}

function takeChunked(text: string, start: number, status: number, isLast: boolean): Taken | undefined {
  let body = '';
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (text.length < end) return undefined;
    if (size === 0) return { answer: { status, body }, length: end, isLast };
    body += text.slice(lineEnd + 2, end - 2);
    at = end;
  }
}
