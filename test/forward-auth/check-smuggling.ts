import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import { openRaw } from '../support/raw.ts';
import type { Echo } from '../support/upstream.ts';
import { eachOf, sendExactly } from './ask.ts';
import { arrangeFront } from './front-scene.ts';
import type { Front, Mode } from './fronts/front.ts';
import { bytesOf, shapes } from './shapes.ts';
import { bytesOf2, shapes2 } from './shapes-h2.ts';

/** Sends bytes; what comes back matters only as a sign that they were read. */
async function send(url: string, bytes: string | Buffer): Promise<void> {
  const connection = await openRaw(url);
  connection.write(bytes);
  await Promise.race([connection.closed(3000).catch(() => {}), wait(300)]);
  connection.destroy();
}

/**
 * Whether a request that nobody may make reaches the application behind others, or answers get to others than who
 * asked: HTTP/1.1 and, as far as the front, HTTP/2. The application reads as forgivingly as Node can.
 */
export async function checkSmuggling(t: Test, front: Front, mode: Mode): Promise<void> {
  for (const http2 of [false, true]) {
    const scene = await arrangeFront(t, front, { mode, http2, forgiving: true });
    const { host, publicUrl, application } = scene;
    const all: (string | Buffer)[] = http2
      ? shapes2.map((shape, at) => bytesOf2(shape, host, `/open/first-${at}`, `/admins/hidden-${at}`))
      : shapes.map((shape, at) => bytesOf(shape, host, `/open/first-${at}`, `/admins/hidden-${at}`));
    t.equal(all.length, http2 ? 42 : 75);
    const mixed = await eachOf(all, async (bytes) => {
      await send(publicUrl, bytes);
      if (http2) return undefined;
      const target = `/open/after-${Math.random()}`;
      const answer = await sendExactly(host, { target }).catch((error: Error) => error.message);
      if (typeof answer === 'string') return answer;
      const isOwn = answer.status === 200 && (JSON.parse(answer.text) as Echo).url === target;
      return isOwn ? undefined : `${answer.status} ${answer.text.slice(0, 200)}`;
    });
    const hidden = application.requests.filter(({ url }) => url.includes('hidden'));
    t.strictSame(hidden, [], `${mode}, HTTP/${http2 ? 2 : 1.1}: nothing that was hidden arrives`);
    t.strictSame(
      mixed.filter((text) => text !== undefined),
      [],
      'and each gets the answer to its own request',
    );
    const posing = application.requests.filter(({ rawHeaders }) => rawHeaders.includes('admin'));
    t.strictSame(posing, [], 'with no name that the client brought');
    if (http2) await send(publicUrl, bytesOf2({ data: 'hello' }, host, '/open/control', ''));
    else await send(publicUrl, bytesOf([['Content-Length: 5'], 'hello'], host, '/open/control', ''));
    t.ok(
      application.requests.some(({ url }) => url === '/open/control'),
      'while one as it should be arrives',
    );
  }
}
