import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createClient } from '../../support/client.ts';
import { listenOnLoopback } from '../../support/listening.ts';

/** Whoever presses the button of the sign-in page. */
export interface Person {
  subject: string;
  /** What ID tokens say of them. */
  claims: Readonly<Record<string, unknown>>;
}

/** Asks Hydra's administration, below `/admin/`; gives what it answers. */
export type AdminApi = (method: string, path: string, body?: unknown) => Promise<Answer>;
type Answer = Record<string, unknown>;

/** The pages that an operator of Hydra writes. */
export interface SignInPages {
  url: string;
  /** Where a sign-out ends that names no other place. */
  afterLogout: string;
  admin: AdminApi;
  close(): Promise<void>;
}

/**
 * Hydra has no page of its own. It sends the browser to these with a challenge, asks nobody but them who it is and what
 * they allow, and goes on where it is told. One person signs in with one button, and a sign-in that Hydra remembers
 * needs none; whatever is asked for is granted; every sign-out is confirmed.
 */
export async function startSignInPages(adminUrl: string, person: Person): Promise<SignInPages> {
  const admin = adminApi(adminUrl);
  const server = createServer((request, response) => {
    answer(admin, person, request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  const { url, close } = await listenOnLoopback(server);
  return { url, afterLogout: `${url}/after-logout`, admin, close };
}

function adminApi(adminUrl: string): AdminApi {
  return async (method, path, body) => {
    const client = createClient();
    try {
      const answer = await client.request(`${adminUrl}/admin/${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.text === '' ? {} : (answer.json() as Answer);
    } finally {
      client.close();
    }
  };
}

async function answer(admin: AdminApi, person: Person, request: IncomingMessage, response: ServerResponse) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const kind = /^\/(login|consent|logout)$/.exec(pathname)?.[1];
  if (kind === undefined) {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(`${pathname} ${searchParams}`);
    return;
  }
  const challenge = new URLSearchParams({
    [`${kind}_challenge`]: searchParams.get(`${kind}_challenge`) ?? '',
  });
  const asked = await admin('GET', `oauth2/auth/requests/${kind}?${challenge}`);
  if (kind === 'login' && asked.skip !== true && request.method !== 'POST') {
    const form = `<!doctype html><form method="post" action="/login?${challenge}"><button>Sign in</button></form>`;
    response.writeHead(200, { 'content-type': 'text/html' }).end(form);
    return;
  }
  const path = `oauth2/auth/requests/${kind}/accept?${challenge}`;
  const { redirect_to: next } = await admin('PUT', path, accepted(kind, person, asked));
  response.writeHead(303, { location: String(next) }).end();
}

/** What Hydra is told with a yes. */
function accepted(kind: string, { subject, claims }: Person, asked: Answer): object | undefined {
  if (kind === 'logout') return undefined;
  if (kind === 'login') return { subject, remember: true, remember_for: 3600 };
  return {
    grant_scope: asked.requested_scope,
    grant_access_token_audience: asked.requested_access_token_audience,
    session: { id_token: claims },
  };
}
