import type { Page } from 'playwright-core';
import type { Client, HttpAnswer } from '../support/client.ts';

/** What is tried with every provider, in the order of the table. */
export const flows = [
  'login',
  'refresh',
  'rotation with reuse detection',
  '20 parallel at expiry',
  'refused refresh',
  'sign-out here',
  'sign-out there',
  'key rotation',
  'restart',
  'freeze',
  'wrong secret',
  'bearer (JWT)',
  'bearer (introspection)',
  'step-up',
] as const;

export type Flow = (typeof flows)[number];

/** A provider that no one here wrote, and how to have it running: one file in `kits`. */
export interface ProviderKit {
  /** As the table calls it. */
  name: string;
  /** What is missing on this machine and how to get it; undefined where nothing is. May install into a folder. */
  prepare?(): Promise<string | undefined> | string | undefined;
  /** Starts it. @param origin where the gateway will be, whose addresses have to be registered */
  start(origin: string): Promise<RealProvider>;
  /** Whose limit it is, in words, for each flow that cannot be had. */
  limits: Readonly<Partial<Record<Flow, string>>>;
}

/** A provider that runs. */
export interface RealProvider {
  version: string;
  /** Keys of `provider` for a gateway that works with it. */
  settings: Readonly<Record<string, unknown>>;
  /** What is otherwise in `provider` where its access tokens are to be JWTs. */
  settingsForJwt?: Readonly<Record<string, unknown>>;
  /** Seconds for which its access tokens are good. */
  accessTokenSeconds: number;
  /** What the application is told of the person who signs in. */
  email: string;
  /** Goes on from a page of the provider: fills in a form, presses a button, or does what its script would do. */
  goOn(client: Client, page: HttpAnswer): Promise<HttpAnswer>;
  /** The same for one sign-in as a person does it, where the pages are more than forms or worth a look. */
  inBrowser?(page: Page): Promise<void>;
  /** Takes the person's grant away, so that the next refresh is refused. */
  revoke?(client: Client, refreshToken: string): Promise<void>;
  /** Signs the person out at the provider itself, which tells the gateway. @param idToken of that sign-in */
  signOutThere?(client: Client, idToken: string): Promise<void>;
  /** Signs with another key from now on. */
  rotateKeys?(): Promise<void>;
  restart?(): Promise<void>;
  /** Stops to answer without closing connections; what it gives goes on. */
  freeze?(): () => void;
  /** Entries of `bearer` by which its access tokens are accepted. */
  bearer?: { jwt?: Record<string, unknown>; introspection?: Record<string, unknown> };
  stop(): Promise<void>;
}
