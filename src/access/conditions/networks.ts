import { asSet, condition, parsedList } from '../condition.ts';
import { compileNetworks, parseNetwork } from '../networks.ts';

export const networks = condition({
  name: 'networks',
  form: parsedList({
    item: 'a network such as 10.0.0.0/8 or an address such as ::1',
    list: 'a network such as 10.0.0.0/8, or a list of them',
    parse: parseNetwork,
  }),
  description: 'The request comes from one of these networks.',
  asks: 'request',
  key: (values) => asSet(values.map(({ address, prefix }) => `${address}/${prefix}`)),
  compile(values) {
    const includes = compileNetworks(values);
    return ({ clientAddress }) => clientAddress !== undefined && includes(clientAddress);
  },
});
