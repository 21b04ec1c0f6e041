/**
 * Chance as an argument, for what is spread so that many do not come back together. Gives a number from 0 up to 1,
 * without 1. It is no secret: secrets come from `node:crypto`.
 */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
