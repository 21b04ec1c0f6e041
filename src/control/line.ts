import type { Worker } from 'node:cluster';
import type { Clock } from '../clock.ts';
import { describeError } from '../observe/scrub.ts';

type Message =
  | { kind: 'question'; number: number; question: object }
  | { kind: 'answer'; number: number; value?: unknown; problem?: string };

type Sent = (error: Error | null) => void;

const ended = 'the worker has ended';

/** Node's side of a channel between two processes. */
export interface Channel {
  send(message: object, sent: Sent): void;
  /** Names who gets what the other side sends. */
  receive(listener: (message: Message) => void): void;
  /** Names who is told that the other side has ended; absent where this one ends with it. */
  onEnded?(listener: () => void): void;
}

/** To the primary process of this worker. */
export const toPrimary: Channel = {
  send: (message, sent) => process.send?.(message, undefined, {}, sent),
  receive: (listener) => process.on('message', listener),
};

export function toWorker(worker: Worker): Channel {
  return {
    send(message, sent) {
      if (worker.isConnected()) worker.send(message, sent);
      else sent(new Error(ended));
    },
    receive: (listener) => worker.on('message', listener),
    onEnded: (listener) => worker.once('exit', listener),
  };
}

/** A line over which one process asks another one. What is asked and answered is plain data. */
export interface Line {
  /** Gives the answer. Rejects with what the other side failed with, and when there is no answer within the limit. */
  ask(question: object, withinMs: number): Promise<unknown>;
}

/** @param answer answers what the other side asks */
export function openLine(
  channel: Channel,
  clock: Clock,
  answer: (question: never) => unknown | Promise<unknown>,
): Line {
  const waiting = new Map<number, (message: Extract<Message, { kind: 'answer' }>) => void>();
  let last = 0;
  const send = (message: Message, failed: (error: Error) => void = () => {}) => {
    channel.send(message, (error) => {
      if (error) failed(error);
    });
  };
  const reply = async (number: number, question: object) => {
    try {
      send({ kind: 'answer', number, value: await answer(question as never) });
    } catch (error) {
      send({ kind: 'answer', number, problem: describeError(error) });
    }
  };
  channel.receive((message) => {
    if (message.kind === 'question') void reply(message.number, message.question);
    if (message.kind === 'answer') waiting.get(message.number)?.(message);
  });
  channel.onEnded?.(() => {
    for (const [number, settle] of waiting) settle({ kind: 'answer', number, problem: ended });
  });
  return {
    ask: (question, withinMs) =>
      new Promise((resolve, reject) => {
        const number = ++last;
        const end = (settle: () => void) => {
          waiting.delete(number);
          limit.cancel();
          settle();
        };
        const fail = (error: Error) => end(() => reject(error));
        const limit = clock.after(withinMs, () =>
          fail(new Error('the other process did not answer in time')),
        );
        waiting.set(number, ({ value, problem }) => {
          if (problem === undefined) end(() => resolve(value));
          else fail(new Error(problem));
        });
        send({ kind: 'question', number, question }, fail);
      }),
  };
}
