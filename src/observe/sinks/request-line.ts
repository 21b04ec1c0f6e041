import { escapeControls } from '../control-characters.ts';
import { clientLeft, type ToldOf } from '../events.ts';

type Finished = Omit<ToldOf<'request-finished'>, 'kind'>;

/**
 * The fields of the line that each request has, as JSON put together by hand, which costs a fraction of a serialiser.
 * The query stays out.
 */
export function requestFields({ exchange, status, durationMs }: Finished): string {
  const { requestId, request, peer, subject, destination } = exchange;
  const found = 'error' in destination ? undefined : destination;
  const route = found?.resolution.kind === 'route' ? found.resolution.route.label : undefined;
  return (
    `"requestId":${quoted(requestId)}${field('method', request.method)}${field('path', found?.target.path)}` +
    `,"status":${status},"durationMs":${Math.round(durationMs * 10) / 10}${field('route', route)}` +
    field('subject', subject) +
    field('peer', peer.address)
  );
}

/** The same of a handshake whose client left before the answer. */
export function leftFields(event: Omit<ToldOf<'request-left'>, 'kind'>): string {
  return requestFields({ ...event, status: clientLeft });
}

/** Absent like its value. */
function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`;
}

/** Nearly every value is plain, which is cheaper to see than to escape. */
function quoted(value: string): string {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value) ? `"${value}"` : escapeControls(JSON.stringify(value));
}
