import type { Asked } from '../../observe/events/people.ts';
import type { Emit, Event } from '../../observe/events.ts';
import type { Cookie } from '../../session/cookies.ts';

/** What the login and the logout need to know of the request that they answer. */
export interface BrowserRequest {
  /** The public origin that the request came to. */
  origin: string;
  /** The path of the endpoint that was asked. */
  path: string;
  cookies: readonly Cookie[];
  /** For those who watch: the request's id, and the address that it came from, where the front says it. */
  requestId: string;
  client: string | undefined;
  traceId?: string | undefined;
  /** Nobody goes on from the answer: a HEAD, or what a browser fetches ahead of time. */
  isProbe: boolean;
  /** Path and query that the browser asked for, where a trusted proxy sent the request on to the login. */
  originalUri: string | undefined;
}

/** What is told with an event of the request at which it happens. */
export const askedBy = ({ requestId, client, traceId }: Asking): Asked => ({ requestId, client, traceId });

type Asking = Pick<BrowserRequest, 'requestId' | 'client' | 'traceId'>;

/** Tells of what happens further down under the request that it happens for. */
export const emitFor =
  (emit: Emit, browser: Asking): Emit =>
  (event) =>
    // Whoever is given this tells of nothing that names another client.
    emit({ ...event, ...askedBy(browser) } as Event);
