import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { readForm } from '../form.ts';
import { type Served, serve } from '../loopback.ts';
import { sendHtml } from '../markup.ts';
import { clockScript, startWallClock, type WallClock } from './clock.ts';
import { headersPage } from './headers-page.ts';
import { createNoticeBoard, type NoticeBoard } from './notes.ts';
import { cellarPage, homePage, notesPage, peoplePage, plainPage } from './pages.ts';
import { nameOf, visitorOf } from './visitor.ts';

export interface LegacyApp extends Served {
  /** Ends the clock in every open page, so that nothing is under way any more. */
  stopClock(): void;
}

const largestForm = 16 * 1024;

/**
 * Starts a small application of the old kind: pages made on the server, a form, a clock. It knows nothing of
 * OpenID Connect; it reads from headers who is there. Rejects when the port is taken.
 */
export async function startLegacyApp(port: number, clock: Clock): Promise<LegacyApp> {
  const wallClock = startWallClock(clock);
  const board = createNoticeBoard(clock);
  const server = createServer((request, response) => {
    answer(request, response, wallClock, board).catch(() => {
      const page = plainPage(visitorOf(request.headers), 'Pardon?', 'This request could not be read.');
      // What is left of the request is not worth waiting for.
      if (!response.headersSent) sendPage(response.setHeader('connection', 'close'), 400, page);
      else response.destroy();
    });
  });
  try {
    const served = await serve(server, port);
    return {
      ...served,
      stopClock: () => wallClock.stop(),
      close() {
        wallClock.stop();
        return served.close();
      },
    };
  } catch (error) {
    wallClock.stop();
    throw error;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  clock: WallClock,
  board: NoticeBoard,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://legacy.invalid');
  const visitor = visitorOf(request.headers);
  switch (`${request.method} ${pathname}`) {
    case 'GET /':
      return sendPage(response, 200, homePage(visitor));
    case 'GET /people':
      return sendPage(response, 200, peoplePage(visitor));
    case 'GET /cellar':
      return sendPage(response, 200, cellarPage(visitor));
    case 'GET /headers':
      return sendPage(response, 200, headersPage(visitor, request.rawHeaders));
    case 'GET /notes':
      return sendPage(response, 200, notesPage(visitor, board.notes));
    case 'POST /notes':
      board.pin(nameOf(visitor) ?? 'Somebody', (await readForm(request, largestForm)).get('text') ?? '');
      response.writeHead(303, { location: '/notes' }).end();
      return;
    case 'GET /clock':
      return clock.stream(response, nameOf(visitor));
    case 'GET /clock.js':
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(clockScript);
      return;
    default:
      return sendPage(response, 404, plainPage(visitor, 'No such page', 'There is nothing on this shelf.'));
  }
}

function sendPage(response: ServerResponse, status: number, page: string): void {
  sendHtml(response, status, page, "script-src 'self'; connect-src 'self'; form-action 'self'");
}
