import type { Told, ToldOf } from '../events.ts';
import { clientLeftStatus } from '../observed-exchange.ts';
import { addressAttributes } from '../traces/attributes.ts';
import type { EndedCall } from '../traces/open-span.ts';
import type { OpenSink } from './sink.ts';

const kinds: ReadonlySet<Told['kind']> = new Set([
  'request-refused',
  'request-finished',
  'request-left',
  'provider-called',
  'store-asked',
]);

/** Ends the spans of requests, and makes those of calls that have ended, under what they were made for. */
export const openTracesSink: OpenSink = (_options, { traces }) => ({
  name: 'traces',
  wants: (kind) => kinds.has(kind),
  take(event) {
    switch (event.kind) {
      case 'request-refused':
        traces.failed(event.exchange, event.code);
        break;
      case 'request-finished':
        traces.ended(event.exchange, event.status, event.durationMs);
        break;
      case 'request-left':
        traces.ended(event.exchange, clientLeftStatus, event.durationMs);
        break;
      case 'provider-called':
        // Metadata and keys of a provider are asked for on behalf of all; anything else for one request.
        traces.called(() => providerCall(event), event.endpoint === 'discovery' || event.endpoint === 'keys');
        break;
      case 'store-asked':
        traces.called(() => storeCall(event), false);
    }
  },
});

function providerCall(event: ToldOf<'provider-called'>): EndedCall<'provider'> {
  const { provider, endpoint, method, address, status, failure, ms } = event;
  const error = failure ?? (status !== undefined && status >= 400 ? String(status) : undefined);
  return {
    name: 'provider',
    title: `${method} ${endpoint}`,
    attributes: {
      'http.request.method': method,
      'http.response.status_code': status,
      ...addressAttributes(address),
      'error.type': error,
      'sallyport.provider': provider,
      'sallyport.provider.endpoint': endpoint,
    },
    ms,
    failed: error !== undefined,
  };
}

function storeCall({ operation, outcome, ms }: ToldOf<'store-asked'>): EndedCall<'store'> {
  const failed = outcome === 'failed';
  return {
    name: 'store',
    title: `redis ${operation}`,
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': operation,
      'error.type': failed ? 'failed' : undefined,
    },
    ms,
    failed,
  };
}
