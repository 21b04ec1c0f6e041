/** What FAPI 2.0 Security Profile §5.4.1 lets sign; RFC 9864 has the last as another name of EdDSA with Ed25519. */
export const fapi2Algorithms: readonly string[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];

/** What an access token may be signed with that is read here: what only the holder of a private key can sign with. */
export const accessTokenAlgorithms: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
