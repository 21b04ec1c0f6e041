import type { KeySet } from '../forward/assertion.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import type { BearerClients } from '../identity/bearer/clients.ts';
import type { EndpointParts } from '../identity/endpoints.ts';
import type { UpstreamTokens } from '../identity/upstream-token/tokens.ts';
import type { Logger } from '../observe/log.ts';
import type { Revocations } from '../session/revocations.ts';
import type { Sessions } from '../session/sessions.ts';
import type { ExchangeReader } from './exchange.ts';

/** Everything that a request meets on its way, made once from the configuration. */
export interface Parts {
  reader: ExchangeReader;
  sessions: Sessions;
  revocations: Revocations;
  /** Undefined where no access tokens are accepted. */
  bearer: BearerClients | undefined;
  /** The metadata of the resources that routes name, by its place. */
  resources: ReadonlyMap<string, Record<string, unknown>>;
  /** Whether a WebSocket ends with the access token that opened it. */
  closeAtTokenExpiry: boolean;
  login: EndpointParts;
  /** Access tokens for routes that give their upstream one of its own. */
  tokens: UpstreamTokens;
  forwarder: Forwarder;
  /** The public keys of the signed assertion; undefined where no route has one. */
  keySet: (() => KeySet) | undefined;
  log: Logger;
}
