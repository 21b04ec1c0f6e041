import { z } from 'zod';
import { listenAddress, text } from './fields.ts';
import { bareOff, spelled } from './spellings.ts';

const tls = z
  .strictObject({
    cert: text('a PEM file').meta({ description: 'The certificate chain, a PEM file.' }),
    key: text('a PEM file').meta({ description: 'The private key, a PEM file.' }),
    minVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'], { error: 'one of TLSv1.2, TLSv1.3' })
      .prefault('TLSv1.2')
      .meta({ description: 'The oldest TLS version that is accepted.' }),
    clientCertificates: spelled([bareOff], z.enum(['off', 'request'], { error: 'one of off, request' }))
      .prefault('off')
      .meta({
        description:
          'With `request`, clients are asked for a certificate, to which an access token may be bound (RFC 8705 §3). It need not be of any authority, and signs nobody in by itself.',
      }),
  })
  .optional()
  .meta({ description: 'Serves https itself; the files are read again when they change.' });

const listener = z.strictObject({
  address: listenAddress().prefault('127.0.0.1:4180').meta({ description: 'Where to listen.' }),
  tls,
});

const spelledOut = (value: unknown) => (typeof value === 'string' ? { address: value } : value);

const several = z
  .array(z.preprocess(spelledOut, listener).meta({ short: 'address' }), { error: 'a list of listeners' })
  .min(1, { error: 'at least one listener' });

/** Always a list inside. */
export const listen = z
  .preprocess(
    spelledOut,
    z
      .union([listener, several], { error: 'a listener, or a list of them' })
      .transform((value) => (Array.isArray(value) ? value : [value])),
  )
  .prefault({})
  .meta({
    description:
      'Where the gateway listens: `host:port`, `unix:/path`, or an object with `tls`; or a list of them.',
    short: 'address',
  });
