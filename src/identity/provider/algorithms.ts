/** What FAPI 2.0 Security Profile §5.4.1 lets sign; RFC 9864 has the last as another name of EdDSA with Ed25519. */
export const fapi2Algorithms: readonly string[] = ['PS256', 'ES256', 'EdDSA', 'Ed25519'];
