import { z } from 'zod';
import { parseListenAddress } from '../listen-address.ts';
import { parsed } from './fields.ts';
import { bareOff, spelled } from './spellings.ts';

/** Where the admin endpoints are, unless it is said. */
const standardAddress = '127.0.0.1:4181';

const shortestToken = 16;

/** It travels in a header as it is, so it is of what may stand there. Any shorter one can be guessed. */
const token = parsed(
  `a text of at least ${shortestToken} visible ASCII characters, such as \`sallyport secret\` prints`,
  (input) => (/^[\x21-\x7e]{16,512}$/.test(input) ? input : undefined),
);

/** What the people and programs that run the gateway ask of it. */
export const admin = z
  .strictObject({
    listen: spelled(
      [bareOff],
      parsed('host:port such as 127.0.0.1:4181, unix:/path/to/socket, or off', (input) =>
        input === 'off' ? 'off' : parseListenAddress(input),
      ),
    )
      .prefault(standardAddress)
      .meta({
        description:
          'Where the admin endpoints answer, apart from the public port: `host:port`, `unix:/path`, or `off`.',
      }),
    token: token.optional().meta({
      description:
        'What has to be shown, as `Authorization: Bearer`, for everything that changes something or names people, paths or addresses. Without it, only a Unix socket gives that; over TCP there are health, metrics and a part of the status page.',
      secret: true,
    }),
  })
  .prefault({})
  .meta({ description: 'The endpoints for the people and programs that run the gateway.' });

export type AdminConfig = z.output<typeof admin>;
