import { z } from 'zod';
import { flag, hostName } from './fields.ts';

const ignoreCase = () =>
  flag().meta({
    description:
      'The applications take letters in either case for the same, and so do routes: `/Admin` is `/admin`.',
  });

const parameters = () =>
  z.enum(['any', 'strip'], { error: 'one of any, strip' }).meta({
    description:
      'What the applications make of `;` in a path. `strip`: they take it off with what follows in its segment, as Java servers do, so that `/admin;v=1` is `/admin`.',
  });

const encodedSlash = () =>
  z.enum(['any', 'separator'], { error: 'one of any, separator' }).meta({
    description:
      'What the applications make of `%2F` in a path. `separator`: it is a slash to all of them, so that `/admin%2Fx` is `/admin/x`.',
  });

const ofHost = z.strictObject({
  ignoreCase: ignoreCase().optional(),
  parameters: parameters().optional(),
  encodedSlash: encodedSlash().optional(),
});

export const paths = z
  .strictObject({
    ignoreCase: ignoreCase().prefault(false),
    parameters: parameters().prefault('any'),
    encodedSlash: encodedSlash().prefault('any'),
    hosts: z
      .record(hostName(), ofHost, { error: 'a map of host names to ignoreCase, parameters, encodedSlash' })
      .prefault({})
      .meta({
        description:
          'The same for single hosts, by name or as `*.example.com`; what is left out is as above.',
        examples: [{ 'wiki.example.com': { ignoreCase: true } }],
      }),
  })
  .prefault({})
  .meta({
    description:
      'How the applications read paths. What is said here is not in doubt any more, and more paths pass; see [routes](routes.md#one-path-many-readings).',
  });
