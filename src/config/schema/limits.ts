import { z } from 'zod';
import { parseDuration } from '../units.ts';
import { parsed } from './fields.ts';

/** Every wait has an end, so none of these is without limit. */
const limit = () =>
  parsed('a duration above 0 such as 30s or 5m', (input) => parseDuration(input) || undefined);

/** How long clients may keep the gateway waiting. */
export const limits = z
  .strictObject({
    headerTime: limit().prefault('60s').meta({
      description: 'How long the headers of a request, or a TLS handshake, may take to arrive.',
    }),
    bodySilence: limit().prefault('60s').meta({
      description:
        'How long a client may send nothing of a body that is read, before the answer has begun; then it gets 408. A client that has to wait for the upstream is not meant, nor one that is answered already.',
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
  })
  .prefault({})
  .meta({ description: 'How long clients may keep the gateway waiting.' });

/** How long an open WebSocket may be idle. */
export const idleLimit = () =>
  limit()
    .optional()
    .meta({
      description:
        'Closes a WebSocket on which nothing passes for so long, pings included. Without it, only connections whose other end has gone are closed.',
      examples: ['1h'],
    });
