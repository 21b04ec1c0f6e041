import type { UpstreamConfig } from '../../config/schema/index.ts';
import type { Random } from '../../random.ts';
import { leastConnections } from './least-connections.ts';
import type { Choose, Member } from './member.ts';
import { randomTwo } from './random-two.ts';
import { roundRobin } from './round-robin.ts';

/** How requests are shared among the targets of a route, one file a kind. */
export const balanceKinds: Readonly<
  Record<UpstreamConfig['balance'], (members: readonly Member[], random: Random) => Choose>
> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  'random-two': randomTwo,
};
