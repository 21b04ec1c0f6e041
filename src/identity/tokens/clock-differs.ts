/** A time in a token is what it could not be, were the clocks of both sides right. */
export class ClockDiffers extends Error {
  override readonly name = 'ClockDiffers';
  /** Above 0 where our clock is behind. */
  readonly seconds: number;

  constructor(what: string, seconds: number) {
    super(`${what}: the clocks differ by ${Math.abs(Math.round(seconds))} seconds`);
    this.seconds = Math.round(seconds);
  }
}
