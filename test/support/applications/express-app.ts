import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import session from 'express-session';

/**
 * A small legacy application: a log-in of its own, kept in a session cookie of its own, beside the one of the
 * gateway. Prints `listening PORT`.
 */
const app = express();
app.use(
  session({ secret: randomBytes(16).toString('hex'), resave: false, saveUninitialized: false }),
  express.urlencoded({ extended: false }),
);

interface OwnState {
  role?: string;
  visits?: number;
}

const stateOf = (request: Request) => (request as Request & { session: OwnState }).session;

app.post('/app-login', (request, response) => {
  stateOf(request).role = String((request.body as Record<string, unknown>).role);
  // Several cookies in one answer, one of them with a comma in its date.
  response.cookie('theme', 'dark', { expires: new Date(Date.now() + 86_400_000) });
  response.cookie('language', 'fr', { httpOnly: true, path: '/' });
  response.redirect(303, '/app-state');
});

app.get('/app-state', (request, response) => {
  const state = stateOf(request);
  state.visits = (state.visits ?? 0) + 1;
  const { role, visits } = state;
  response.json({
    role,
    visits,
    person: request.get('x-forwarded-user'),
    cookies: request.headers.cookie,
  });
});

app.get('/absolute', (request, response) => {
  response.redirect(`${request.protocol}://${request.get('host')}/app-state?from=absolute`);
});

const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
