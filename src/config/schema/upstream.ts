import { z } from 'zod';
import { duration, flag, oneOrMore, text, upstreamUrl } from './fields.ts';

/** How a route reaches its application. */

export const upstreams = () =>
  oneOrMore(
    upstreamUrl(),
    'the address of the application, such as http://legacy:8080, or a list of addresses',
  ).meta({
    description:
      'Where the application is: a URL, `unix:/path/to/socket`, or a list of them that take requests in turn. One that refuses connections is left out for a while.',
    examples: ['http://legacy:8080', ['http://legacy-1:8080', 'http://legacy-2:8080']],
  });

export const timeouts = () =>
  z
    .strictObject({
      connect: duration()
        .prefault('10s')
        .meta({ description: 'How long it may take to connect to the upstream.' }),
      response: duration()
        .prefault('60s')
        .meta({ description: 'How long the upstream may take until the headers of its answer have come.' }),
      idle: duration().prefault('0s').meta({
        description:
          'How long the upstream may stay silent in the middle of an answer; `0s` is without limit, which event streams need.',
      }),
    })
    .prefault({});

export const upstreamTls = () =>
  z
    .strictObject({
      ca: text('a PEM file')
        .optional()
        .meta({ description: 'A PEM file of certificate authorities to trust, instead of the usual ones.' }),
      cert: text('a PEM file')
        .optional()
        .meta({ description: 'The certificate that the gateway shows to the upstream, a PEM file.' }),
      key: text('a PEM file').optional().meta({ description: 'Its private key, a PEM file.' }),
      serverName: text('a host name')
        .optional()
        .meta({ description: 'The name that the upstream’s certificate has to be for, if not its host.' }),
      insecureSkipVerify: flag().prefault(false).meta({
        description: 'Takes any certificate. Who is on the path can then read and change everything.',
      }),
    })
    .optional()
    .meta({ description: 'TLS to the upstream.' });

export type UpstreamTls = NonNullable<z.output<ReturnType<typeof upstreamTls>>>;
