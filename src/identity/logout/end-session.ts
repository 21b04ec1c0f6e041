import type { Emit } from '../../observe/events.ts';
import type { Provider } from '../provider/provider.ts';

const idTokenPlace = '{id_token}';

/** Whether the logout at the provider is told who it is for by the ID token. */
export function needsIdToken({ client, config: { endSessionParams } }: Provider): boolean {
  if (client.metadata().end_session_endpoint === undefined) return false;
  return !endSessionParams || Object.values(endSessionParams).some((value) => value.includes(idTokenPlace));
}

/** Servers and fronts commonly take 8 KiB of a request line, some 4; an ID token with many groups is longer. */
const longestUrl = 4096;

/**
 * Where the sign-in at the provider is ended (OpenID Connect RP-Initiated Logout 1.0 §2), with the parameters
 * of the configuration where the provider has its own; undefined where there is no such address. There is no
 * `state`: the way back is one address for everybody, and nothing there depends on it.
 * @param idToken tells the provider who leaves; left out where the address would become too long
 */
export function endSessionUrlOf(
  provider: Provider,
  idToken: string | undefined,
  returnTo: string,
  emit: Emit,
): string | undefined {
  try {
    const url = build(provider, idToken, returnTo);
    const isTooLong = url !== undefined && idToken !== undefined && url.length > longestUrl;
    return isTooLong ? build(provider, undefined, returnTo) : url;
  } catch (error) {
    emit({ kind: 'logout-address-failed', provider: provider.name, error });
    return undefined;
  }
}

function build(provider: Provider, idToken: string | undefined, returnTo: string): string | undefined {
  const { client, config } = provider;
  const { end_session_endpoint: endpoint } = client.metadata();
  const { clientId, endSessionParams } = config;
  if (endpoint === undefined) return undefined;
  if (!endSessionParams) {
    const hint = idToken !== undefined && { id_token_hint: idToken };
    return client.endSessionUrl({ ...hint, post_logout_redirect_uri: returnTo });
  }
  const url = new URL(endpoint);
  const places = { '{client_id}': clientId, '{return_to}': returnTo, [idTokenPlace]: idToken };
  for (const [name, template] of Object.entries(endSessionParams)) {
    const value = filled(template, places);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** Undefined where one of the places has nothing to stand in it. */
function filled(template: string, places: Readonly<Record<string, string | undefined>>): string | undefined {
  let text = template;
  for (const [place, value] of Object.entries(places)) {
    if (!text.includes(place)) continue;
    if (value === undefined) return undefined;
    text = text.replaceAll(place, () => value);
  }
  return text;
}
