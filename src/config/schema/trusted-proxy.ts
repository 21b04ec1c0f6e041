import { z } from 'zod';
import type { Network } from '../../access/networks.ts';
import { canBeVouchedFor } from '../../forward/client-headers.ts';
import { fieldName, network, parsed } from './fields.ts';

const front = parsed(
  'a network such as 10.0.0.0/8 or an address such as ::1, or unix, or { network, headers }',
  (input): Network | 'unix' | undefined => (input === 'unix' ? input : network().safeParse(input).data),
);

const vouchedHeader = parsed(
  'the name of a header other than those that frame and route a request, such as Ssl-Client-Verify',
  (input) => (fieldName.test(input) && canBeVouchedFor(input) ? input : undefined),
);

const object = z.strictObject({
  network: front.meta({ description: 'The network, the address, or `unix`.' }),
  headers: z
    .array(vouchedHeader, { error: 'a list of header names such as [Ssl-Client-Verify]' })
    .prefault([])
    .meta({
      description:
        'Headers that this front sets itself and takes away from clients; they go upstream, in exactly this spelling.',
    }),
});

/** A front, as a network or with what it vouches for. */
export const trustedProxy = z.union([front.transform((network) => ({ network, headers: [] })), object], {
  error: 'a network such as 10.0.0.0/8, unix, or { network, headers }',
});

export type TrustedProxy = z.output<typeof object>;
