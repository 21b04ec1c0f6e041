import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  clockScript,
  headersPage,
  homePage,
  type Note,
  notesPage,
  peoplePage,
  type Visitor,
} from './legacy-pages.ts';

const mostNotes = 50;
const longestNote = 500;
const largestForm = 16 * 1024;
const tickMs = 1000;

/**
 * A small application of the old kind: pages made on the server, a form, a clock by server-sent events. It
 * knows nothing of OpenID Connect; it reads from headers who is there, as it would behind any such proxy.
 */
export function createLegacyApp(): Server {
  const notes: Note[] = [
    {
      author: 'The management',
      text: 'Please return borrowed punch cards in their original order.',
      at: new Date(),
    },
  ];
  return createServer((request, response) => {
    answer(request, response, notes).catch(() => {
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'text/plain' });
      response.end('This request could not be read.\n');
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, notes: Note[]): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://legacy.invalid');
  const visitor = visitorOf(request);
  switch (`${request.method} ${pathname}`) {
    case 'GET /':
      return sendHtml(response, homePage(visitor));
    case 'GET /people':
      return sendHtml(response, peoplePage(visitor));
    case 'GET /headers':
      return sendHtml(response, headersPage(visitor, request.rawHeaders));
    case 'GET /notes':
      return sendHtml(response, notesPage(visitor, notes));
    case 'POST /notes':
      await addNote(request, visitor, notes);
      response.writeHead(303, { location: '/notes' }).end();
      return;
    case 'GET /clock':
      return tick(request, response, visitor);
    case 'GET /clock.js':
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(clockScript);
      return;
    default:
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such page.\n');
  }
}

/** Names outside ASCII come percent-encoded. */
function visitorOf({ headers }: IncomingMessage): Visitor {
  const read = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const name = read('x-forwarded-name');
  return {
    user: read('x-forwarded-user'),
    name: name === undefined ? undefined : decodeURIComponent(name),
    email: read('x-forwarded-email'),
    groups: read('x-forwarded-groups')?.split(',') ?? [],
  };
}

async function addNote(request: IncomingMessage, visitor: Visitor, notes: Note[]): Promise<void> {
  let form = '';
  for await (const chunk of request) {
    form += String(chunk);
    if (form.length > largestForm) throw new Error('the form is too large');
  }
  const text = new URLSearchParams(form).get('text')?.trim().slice(0, longestNote) ?? '';
  if (text === '') return;
  notes.unshift({ author: visitor.name ?? visitor.user ?? 'Somebody', text, at: new Date() });
  notes.length = Math.min(notes.length, mostNotes);
}

/** Server-sent events (WHATWG HTML §9.2): one each second, for as long as the page is open. */
function tick(request: IncomingMessage, response: ServerResponse, visitor: Visitor): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = () => {
    const time = new Date().toISOString().slice(11, 19);
    response.write(`data: ${JSON.stringify({ time, for: visitor.name ?? visitor.user })}\n\n`);
  };
  send();
  const timer = setInterval(send, tickMs);
  request.on('close', () => clearInterval(timer));
}

function sendHtml(response: ServerResponse, body: string): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; form-action 'self'",
  });
  response.end(body);
}
