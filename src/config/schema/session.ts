import { z } from 'zod';
import { parseRedisAddress, redisAddressForms } from '../../session/shared/redis-address.ts';
import { duration, flag, oneOrMore, parsed, size, text } from './fields.ts';
import { spelled, word } from './spellings.ts';

const minimumSecretBytes = 32;

/** A secret of at least 32 bytes in base64 or base64url; the bytes are what counts. */
const secret = () =>
  parsed(
    'a base64 secret of at least 32 bytes; `sallyport secret` prints one',
    (input): Buffer<ArrayBuffer> | undefined => {
      if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(input)) return undefined;
      const bytes = Buffer.from(input, 'base64');
      return bytes.length >= minimumSecretBytes ? bytes : undefined;
    },
  );

export const sessionSecretForm = 'a base64 secret of at least 32 bytes, or a list of them';

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
    sameSite: z.enum(['lax', 'strict', 'none'], { error: 'one of lax, strict, none' }).prefault('lax').meta({
      description:
        'The SameSite attribute of the session cookie. With `none` people can also sign in inside a frame of another site; it needs https.',
    }),
    partitioned: flag().prefault(false).meta({
      description:
        'Keeps a session of its own for each site that frames this one (CHIPS), which browsers let pass where they block third-party cookies. It needs `sameSite: none`.',
    }),
    path: text('a path such as /')
      .regex(/^\/[^;,\s]*$/, { error: 'a path such as /' })
      .prefault('/')
      .meta({ description: 'The Path attribute of the session cookie.' }),
  })
  .prefault({})
  .meta({ description: 'The cookie that holds the session.' });

type StoreConfig = { kind: 'cookie' } | { kind: 'memory' } | { kind: 'redis'; url: string };

/** What `store` may say that is no address. */
export const localStores = ['cookie', 'memory'] as const;

const store = () =>
  parsed(`cookie, memory, or a Redis address: ${redisAddressForms}`, (input): StoreConfig | undefined => {
    const local = localStores.find((kind) => kind === input);
    if (local) return { kind: local };
    return parseRedisAddress(input) ? { kind: 'redis', url: input } : undefined;
  });

const redis = z
  .strictObject({
    url: parsed(redisAddressForms, (input) => (parseRedisAddress(input) ? input : undefined))
      .optional()
      .meta({
        description:
          'A Redis that instances share while sessions stay in cookies: one refresh among all of them, and sign-outs that reach all of them. With a Redis `store` it is that one.',
        secret: true,
      }),
    keyPrefix: text('a prefix such as sallyport:, without {}')
      // In a Redis Cluster, {} before the name of a turn would put its keys on several nodes.
      .refine((prefix) => !prefix.includes('{}'), { error: 'a prefix such as sallyport:, without {}' })
      .prefault('sallyport:')
      .meta({ description: 'Stands before every key in Redis.' }),
    ca: text()
      .optional()
      .meta({ description: 'A PEM file of certificate authorities for rediss://, beside the usual ones.' }),
    timeout: duration().prefault('1s').meta({ description: 'How long one command to Redis may take.' }),
    bridge: duration().prefault('0s').meta({
      description:
        'With a Redis `store`: how long sessions that an instance knows go on there while Redis is out. A sign-out at one instance does not reach the others in that time.',
    }),
  })
  .prefault({})
  .meta({ description: 'How Redis is used, where it is.' });

/** Values from the environment arrive as text. */
const form = () =>
  spelled([word('1', 1), word('2', 2)], z.union([z.literal(1), z.literal(2)], { error: '1 or 2' }));

export const sessionSchema = z
  .strictObject({
    secret: oneOrMore(secret(), sessionSecretForm).optional().meta({
      description:
        'The key ring: one secret, or a list. The first seals, all of them open, so that a secret can be replaced without signing anybody out. Only a gateway where nobody signs in does without.',
      secret: true,
    }),
    cookie,
    store: store().prefault('cookie').meta({
      description:
        'Where sessions are kept: sealed in the browser (`cookie`), in this process and its workers (`memory`), or in Redis or Valkey (its address).',
      secret: true,
    }),
    redis,
    idleTimeout: duration()
      .prefault('1h')
      .meta({ description: 'How long a session lasts without a request.' }),
    maxLifetime: duration()
      .prefault('12h')
      .meta({ description: 'The longest that a session may last, whatever happens in it.' }),
    persistent: flag()
      .prefault(false)
      .meta({ description: 'Keeps the session when the browser is closed, until it ends by itself.' }),
    onTokenExpiry: z.enum(['login', 'keep'], { error: 'one of login, keep' }).prefault('login').meta({
      description:
        'What happens when the access token has expired and the provider gave no refresh token: the person signs in again, or the session goes on with the expired token.',
    }),
    form: form().prefault(2).meta({
      description:
        'The form that sessions are sealed in. Both open, whichever is set. `2` is the small one; `1` is for as long as instances run beside this one that do not know `2`.',
    }),
    maxCookieBytes: size().prefault('16KiB').meta({
      description:
        'The most that the session may take in cookies, all chunks together. Servers in front of the gateway often refuse more than 8KiB.',
    }),
  })
  .prefault({})
  .meta({ description: 'The session of a person who is signed in.' });

export type SessionConfig = z.output<typeof sessionSchema>;
