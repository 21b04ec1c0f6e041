import type { Choose, Member } from './member.ts';
import { roundRobin } from './round-robin.ts';

/** Whether one has more under way than another, each by its weight. */
export const isBusier = (one: Member, other: Member): boolean =>
  one.target.inFlight * other.weight > other.target.inFlight * one.weight;

/** To the member with the fewest requests under way, by its weight; among equals in turn. */
export function leastConnections(members: readonly Member[]): Choose {
  const inTurn = roundRobin(members);
  return (isFit) => {
    let least: Member | undefined;
    for (const member of members) {
      if (isFit(member) && (least === undefined || isBusier(least, member))) least = member;
    }
    const fewest = least;
    return fewest && inTurn((member) => isFit(member) && !isBusier(member, fewest));
  };
}
