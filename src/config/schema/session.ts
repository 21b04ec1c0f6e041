import { z } from 'zod';
import { duration, oneOrMore, parsed, text } from './fields.ts';

const minimumSecretBytes = 32;

/** A secret of at least 32 bytes in base64 or base64url; the bytes are what counts. */
const secret = () =>
  parsed(
    'a base64 secret of at least 32 bytes, as `sallyport secret` prints',
    (input): Buffer<ArrayBuffer> | undefined => {
      if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(input)) return undefined;
      const bytes = Buffer.from(input, 'base64');
      return bytes.length >= minimumSecretBytes ? bytes : undefined;
    },
  );

const cookie = z
  .strictObject({
    name: parsed('a cookie name of letters, digits, - and _', (input) =>
      /^[A-Za-z0-9_-]{1,64}$/.test(input) ? input : undefined,
    )
      .optional()
      .meta({
        description:
          'The name of the session cookie: `__Host-sallyport` on https, `__Secure-sallyport` with a `domain`, `sallyport` on http.',
      }),
    domain: parsed('a domain such as example.com', (input) =>
      /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(input) ? input.toLowerCase() : undefined,
    )
      .optional()
      .meta({ description: 'Shares the session with every host below this domain.' }),
    sameSite: z
      .enum(['lax', 'strict', 'none'], { error: 'one of lax, strict, none' })
      .prefault('lax')
      .meta({ description: 'The SameSite attribute of the session cookie.' }),
    path: text('a path such as /')
      .regex(/^\/[^;,\s]*$/, { error: 'a path such as /' })
      .prefault('/')
      .meta({ description: 'The Path attribute of the session cookie.' }),
  })
  .prefault({})
  .meta({ description: 'The cookie that holds the session.' });

export const sessionSchema = z
  .strictObject({
    secret: oneOrMore(secret(), 'a base64 secret of at least 32 bytes, or a list of them').meta({
      description:
        'The key ring: one secret, or a list. The first seals, all of them open, so that a secret can be replaced without signing anybody out.',
      secret: true,
    }),
    cookie,
    maxLifetime: duration()
      .prefault('12h')
      .meta({ description: 'The longest that a session may last, whatever happens in it.' }),
  })
  .meta({ description: 'The session of a person who is signed in.' });

export type SessionConfig = z.output<typeof sessionSchema>;
