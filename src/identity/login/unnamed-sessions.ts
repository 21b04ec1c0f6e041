import type { Emit } from '../../observe/events.ts';
import type { Provider } from '../provider/provider.ts';
import type { IdTokenClaims } from '../tokens/tokens.ts';

/**
 * Says once of each provider that it signs people out by a channel and yet names no sign-in (`sid`) in its ID tokens: what
 * comes by that channel then ends more, or less, than the one sign-in.
 */
export function createSidWatch(): (
  provider: Provider,
  idToken: IdTokenClaims | undefined,
  emit: Emit,
) => void {
  const told = new Set<string>();
  return ({ name, client }, idToken, emit) => {
    if (idToken === undefined || idToken.sid !== undefined || told.has(name)) return;
    const { backchannel_logout_supported: back, frontchannel_logout_supported: front } = client.metadata();
    if (back !== true && front !== true) return;
    told.add(name);
    emit({ kind: 'provider-sends-no-sid', provider: name });
  };
}
