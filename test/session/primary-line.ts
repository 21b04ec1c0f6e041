import { EventEmitter } from 'node:events';
import type { Grant } from '../../src/session/outcome.ts';
import type { CallMessage, WorkerLink } from '../../src/session/shared/messages.ts';
import { createPrimaryShared } from '../../src/session/shared/primary.ts';
import { callPrimary } from '../../src/session/shared/primary-calls.ts';
import { createWoundClock } from '../support/clock.ts';
import { createWorld } from './world.ts';

const notNow: Grant = async () => ({ kind: 'unavailable', retryAfter: 1 });

/** As a line of Node's has it. */
const copied = <T>(message: T): T => JSON.parse(JSON.stringify(message));

/** A primary in this process, with the worlds of its workers at the other end of a line. */
export function arrangePrimary(grant: Grant = notNow) {
  const clock = createWoundClock();
  const shared = createPrimaryShared(grant, clock);
  /** @param own what this worker would answer if it asked by itself */
  const worker = (own: Grant = notNow) => {
    const line = new EventEmitter();
    const link: WorkerLink = { send: (message) => void line.emit('message', copied(message)) };
    const posted: string[] = [];
    const send = (message: CallMessage) => {
      if (message.request.kind === 'post') posted.push(message.request.key);
      setImmediate(() => void shared.received(link, copied(message)));
      return true;
    };
    const channel = Object.assign(line, { send }) as unknown as Pick<NodeJS.Process, 'on' | 'off' | 'send'>;
    return {
      link,
      posted,
      leaves: () => shared.left(link),
      ...createWorld(own, callPrimary(clock, channel)),
    };
  };
  return { worker, clock };
}
