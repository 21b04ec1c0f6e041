import type { Forwarder } from '../forward/forwarder.ts';
import type { EndpointParts } from '../identity/endpoints.ts';
import type { Logger } from '../observe/log.ts';
import type { CookieStore } from '../session/cookie-store.ts';
import type { ExchangeReader } from './exchange.ts';

/** Everything that a request meets on its way, made once from the configuration. */
export interface Parts {
  reader: ExchangeReader;
  sessions: CookieStore;
  login: EndpointParts;
  forwarder: Forwarder;
  log: Logger;
}
