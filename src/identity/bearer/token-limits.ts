/** How many tokens that nobody knows a client may bring. `address` is empty for clients that cannot be told apart. */
export interface TokenLimits {
  /** One is to be verified or looked up. Throws GatewayError 429 where too many of this client were not accepted. */
  tried(address: string): void;
  /** It was not accepted. */
  failed(address: string): void;
  /** An issuer is to be asked about one. Throws GatewayError 429. */
  asked(address: string): void;
}
