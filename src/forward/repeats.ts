import type { Inbound } from '../listen/inbound.ts';

/**
 * RFC 9110 §9.2.2: an idempotent request may be sent again when the connection turns out to be closed, or its answer
 * cannot be read. These are the ones of the registry that Node's parser knows.
 */
const repeatable: ReadonlySet<string> = new Set(
  (
    'GET HEAD OPTIONS PUT DELETE PROPFIND PROPPATCH MKCOL COPY MOVE UNLOCK REPORT SEARCH QUERY ACL BIND REBIND ' +
    'UNBIND CHECKOUT LINK UNLINK MERGE MKACTIVITY MKCALENDAR'
  ).split(' '),
);
const closedConnection: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Whether a request may be sent again, as far as its method says. */
export const isRepeatable = ({ method = '' }: Pick<Inbound, 'method'>): boolean => repeatable.has(method);

/** Whether an error says that the connection was closed. */
export const isClosed = (error: Error): boolean =>
  closedConnection.has((error as NodeJS.ErrnoException).code ?? '');
