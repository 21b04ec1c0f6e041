import { overlaps } from '../../listen/overlap.ts';
import type { ListenAddress } from '../schema/index.ts';
import { type Check, each, type Subject } from './check.ts';
import type { Whole } from './subjects.ts';

interface Listener extends Subject {
  address: ListenAddress;
  before: readonly ListenAddress[];
}

function listeners({ value }: Whole): Listener[] {
  const addresses = (value.listen ?? []).flatMap((listener) => listener?.address ?? []) as ListenAddress[];
  return addresses.map((address, index) => ({
    at: ['listen', index, 'address'],
    address,
    before: addresses.slice(0, index),
  }));
}

export const listenerChecks: readonly Check<Whole>[] = [
  each(listeners, [
    {
      when: ({ address, before }) => before.some((other) => overlaps(other, address)),
      says: 'another listener has this address already, or one that includes it.',
    },
  ]),
];
