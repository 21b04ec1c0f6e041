import { asSet, condition, parsedList } from '../condition.ts';
import { isWithin, splitNetwork } from '../network-parts.ts';
import { compileNetworks, networkItem } from '../networks.ts';

export const networks = condition({
  name: 'networks',
  form: parsedList({
    ...networkItem,
    list: 'a network such as 10.0.0.0/8, or a list of them',
  }),
  description: 'The request comes from one of these networks.',
  asks: 'request',
  key: (values) => asSet(values.map(({ address, prefix }) => `${address}/${prefix}`)),
  clauses: (values) => [
    {
      name: 'networks',
      anyOf: values.map(({ address, prefix }) => `${address}/${prefix}`),
      entails: isWithin,
      split: splitNetwork,
    },
  ],
  compile(values) {
    const includes = compileNetworks(values);
    return ({ clientAddress }) => clientAddress !== undefined && includes(clientAddress);
  },
});
