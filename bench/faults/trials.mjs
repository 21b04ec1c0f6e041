import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readAnswers, sendRaw } from '../../dist/test/support/raw.js';
import { askMany } from './ask.mjs';
import { oldServerNames } from './upstream.mjs';

/** What is done to each proxy. Each takes a running one and gives what came of it. */

export const requestsOnFullDisk = 400;
export const requestsOnBlockedPipe = 400;
export const pipelined = 10_000;
export const pipelineForS = 6;
export const slowBodyCount = 64;
export const slowBodiesWithinS = 90;
export const endWithinS = 30;

/** The log goes to a device that is always full. */
export function fullDisk({ url, alive }) {
  return askMany(url, alive, { times: requestsOnFullDisk, atOnce: 8, withinMs: 5000 });
}

/** A named pipe that somebody holds open and never reads. */
export function blockedPipe(folder, name) {
  const path = join(folder, `${name}.pipe`);
  execFileSync('mkfifo', ['-m', '666', path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return {
    path,
    close: () => closeSync(reader),
    fill() {
      const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      for (const size of [4096, 1]) {
        try {
          for (;;) writeSync(writer, Buffer.alloc(size, '\n'));
        } catch {
          // It is full.
        }
      }
      closeSync(writer);
    },
  };
}

/** Requests with the pipe of the log full, then SIGTERM. */
export async function blockedReader({ url, alive, exited, terminate }, pipe) {
  pipe.fill();
  const answered = await askMany(url, alive, { times: requestsOnBlockedPipe, atOnce: 40, withinMs: 1500 });
  const asked = performance.now();
  terminate();
  const end = await Promise.race([exited, pause(endWithinS * 1000, 'still there')]);
  const seconds = (performance.now() - asked) / 1000;
  pipe.close();
  return { answered, end, seconds };
}

/** Many requests in one connection to an upstream that takes a second for each. */
export async function pipeline({ port, upstream }) {
  let received = '';
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.write(`GET /slow HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`.repeat(pipelined));
  await pause(pipelineForS * 1000);
  socket.destroy();
  const answered = readAnswers(received).filter(({ status }) => status === 200).length;
  return { most: upstream.most(), answered };
}

/** Clients that announce a body, send one byte of it, and then nothing. */
export async function slowBodies({ port }) {
  const head = `POST /upload HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000\r\n\r\na`;
  const ends = await Promise.all(
    Array.from({ length: slowBodyCount }, () => sendAndWait(port, head, slowBodiesWithinS * 1000)),
  );
  const gone = ends.filter(({ seconds }) => seconds !== undefined);
  return {
    gone: gone.length,
    first: Math.min(...gone.map(({ seconds }) => seconds)),
    last: Math.max(...gone.map(({ seconds }) => seconds)),
    statuses: [...new Set(gone.map(({ status }) => status))],
  };
}

function sendAndWait(port, bytes, withinMs) {
  return new Promise((resolve) => {
    const started = performance.now();
    let received = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      resolve({});
    }, withinMs);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1]) || 'no answer';
      resolve({ status, seconds: (performance.now() - started) / 1000 });
    });
  });
}

/** Asks for each answer of the old servers. @returns by name: the status, with a word when the body is not whole */
export async function oldServers({ url, port }) {
  const outcome = {};
  for (const name of oldServerNames) outcome[name] = await oldServer({ url, port }, 'GET', name);
  return outcome;
}

/** A form is the very first that an old server is sent: nothing is known of it, and a POST is not sent twice. */
export const firstPost = (running) => oldServer(running, 'POST', 'LF alone');

async function oldServer({ url, port }, method, name) {
  const body = method === 'POST' ? 'a=b' : '';
  const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : '';
  const line = `${method} /old/${oldServerNames.indexOf(name)} HTTP/1.1\r\n`;
  const head = `${line}Host: 127.0.0.1:${port}\r\n${length}Connection: close\r\n\r\n`;
  const answers = readAnswers(await sendRaw(url, head + body, 2000));
  const last = answers.filter(({ status }) => status >= 200).at(-1);
  return last ? wordFor(last) : 'no answer';
}

function wordFor({ status, body }) {
  if (status !== 200 || body === 'hello') return String(status);
  return body === '' ? '200, no body' : '200, another body';
}
