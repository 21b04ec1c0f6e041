import { setTimeout as pause } from 'node:timers/promises';
import { closeAll, exchangeMessages, openKeepAlive, openWebSockets } from '../load/connections.mjs';
import { runWrk } from '../load/wrk.mjs';
import { cpuSeconds, memoryBytes } from '../machine.mjs';
import { collectGarbage } from './garbage.mjs';

const idleConnections = 1000;

/** What is kept open, by its name in the results. */
export const idleKinds = { keepAlive: openKeepAlive, webSocket: openWebSockets };

/** The memory that an idle connection takes, by the difference that a thousand of them make, in bytes. */
export async function measureIdle(target, openMany) {
  // What every process allocates once under load must not count as the connections'.
  await runWrk(target, { path: '/1k', connections: 64, seconds: 2 });
  closeAll(await openMany(target, 100));
  const before = await settledMemory(target);
  const sockets = await openMany(target, idleConnections);
  const after = await settledMemory(target);
  closeAll(sockets);
  return (after - before) / idleConnections;
}

async function settledMemory({ pid, inspector }) {
  await pause(300);
  if (inspector) await collectGarbage(inspector);
  await pause(200);
  return memoryBytes(pid);
}

/** Messages a second through a hundred WebSockets, counted in both directions, and what one of them costs. */
export async function measureMessages(target, seconds, quiet) {
  const sockets = await openWebSockets(target, 100);
  for (let count = 0; count < 3; count++) await exchangeMessages(sockets, 1);
  const figures = await quiet.during(async () => {
    const before = cpuSeconds(target.pid);
    const messages = 2 * (await exchangeMessages(sockets, seconds));
    const cpu = cpuSeconds(target.pid) - before;
    return { perSecond: messages / seconds, cpuUs: (cpu / messages) * 1e6 };
  });
  closeAll(sockets);
  return figures;
}
