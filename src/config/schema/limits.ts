import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { count, parsed } from './fields.ts';

/** Every wait has an end, so none of these is without limit. */
const limit = () =>
  parsed('a duration above 0 such as 30s or 5m', (input) => parseDuration(input) || undefined);

/** How much is taken at once, in each process. */
const amounts = {
  connections: count()
    .optional()
    .meta({
      description:
        'So many connections of clients at the most; what is more is closed at once. The limit of open files has one of its own.',
      examples: [10000],
    }),
  connectionsPerClient: count()
    .optional()
    .meta({
      description:
        'The same for one client, by its address (of IPv6, a /64). Trusted proxies have none, since many come through them.',
      examples: [200],
    }),
  requestsInFlight: count()
    .optional()
    .meta({
      description:
        'So many requests at once at the most, open WebSockets and event streams among them; what is more gets 503 at once.',
      examples: [2000],
    }),
  upstreamConnections: count()
    .optional()
    .meta({
      description:
        'So many requests at each target at once at the most, open WebSockets and event streams among them; more wait in `queue`.',
      examples: [100],
    }),
  queue: z
    .strictObject({
      size: count().prefault(100).meta({
        description: 'So many wait for each target at the most; what is more gets 503 at once.',
      }),
      timeout: limit().prefault('10s').meta({ description: 'So long at the most; then it is 503.' }),
    })
    .prefault({})
    .meta({ description: 'What waits for a target that has as much as it may, see `upstreamConnections`.' }),
};

/** How long clients may keep the gateway waiting. */
export const limits = z
  .strictObject({
    headerTime: limit().prefault('60s').meta({
      description: 'How long the headers of a request, or a TLS handshake, may take to arrive.',
    }),
    bodySilence: limit().prefault('60s').meta({
      description:
        'How long a client may send nothing of a body that is read, before the answer has begun; then it gets 408. A client that has to wait for the upstream is not meant, nor one that is answered already. While others wait for a turn, less than 500 bytes a second is too slow.',
    }),
    answerSilence: limit().prefault('5m').meta({
      description:
        'How long a client may read nothing of what is there for it; then its connection is closed. The same holds for both ends of a WebSocket, and for an upstream that takes nothing of a body.',
    }),
    keepAlive: limit().prefault('75s').meta({
      description:
        'How long a connection stays open between two requests. A front in front of the gateway has to keep its idle connections for less.',
    }),
    connectionAge: limit()
      .optional()
      .meta({
        description:
          'How old a connection to a target may become; then it is closed, after its request. For each new one, the name of the target is looked up again.',
        examples: ['5m'],
      }),
    ...amounts,
  })
  .prefault({})
  .meta({ description: 'How long clients may keep the gateway waiting, and how much it takes at once.' });

/** How long an open WebSocket may be idle. */
export const idleLimit = () =>
  limit()
    .optional()
    .meta({
      description:
        'Closes a WebSocket on which nothing passes for so long, pings included. Without it, only connections whose other end has gone are closed.',
      examples: ['1h'],
    });
