import type { Clock } from '../../clock.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { type Cookie, expireCookie, setCookie } from '../../session/cookies.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import { open, seal } from '../../session/seal.ts';
import type { Provider } from '../provider/provider.ts';
import { loginLifetimeSeconds } from './login-lifetime.ts';

/** How a provider is asked to let somebody choose who they are (OpenID Connect Core §3.1.2.1). */
export type AccountPrompt = 'select_account' | 'login';

/** What a browser remembers of it: the prompts that are left to try, the best first. */
interface AccountRequest {
  prompts: readonly AccountPrompt[];
  /** Seconds since the epoch. */
  since: number;
}

/**
 * A provider that keeps its own sign-in signs the same person in again without a word. So a browser remembers, after
 * a sign-out that did not reach the provider or a login with an account that may not come in, that the next login has
 * to ask which account it shall be. The cookie is sealed: no link can ask for it.
 */
export interface OtherAccounts {
  /** Set-Cookie value: the next login asks. @param refused a prompt that the provider did not take */
  ask(refused?: AccountPrompt): string;
  /** The prompt for the next login, where one is asked for; null where it is and the provider has none for it. */
  promptFor(provider: Pick<Provider, 'client'>, cookies: readonly Cookie[]): AccountPrompt | null | undefined;
  /** Set-Cookie values that forget it. */
  forget(cookies: readonly Cookie[]): string[];
}

/** Google, which has no address to sign out at, takes the first alone. */
const allPrompts: readonly AccountPrompt[] = ['select_account', 'login'];

export function createOtherAccounts(
  { account: name, loginAttributes: attributes }: GatewayCookies,
  ring: KeyRing,
  { now }: Pick<Clock, 'now'>,
): OtherAccounts {
  const read = (cookies: readonly Cookie[]): AccountRequest | undefined => {
    for (const cookie of cookies) {
      const opened = cookie.name === name ? open(cookie.value, ring, 'account', name) : undefined;
      const wanted = opened && (JSON.parse(opened.text) as AccountRequest);
      if (wanted && wanted.since + loginLifetimeSeconds > now() / 1000) return wanted;
    }
    return undefined;
  };
  return {
    ask(refused) {
      const prompts = allPrompts.filter((prompt) => prompt !== refused);
      const wanted: AccountRequest = { prompts, since: Math.floor(now() / 1000) };
      const value = seal(JSON.stringify(wanted), ring, 'account', name);
      return setCookie({ name, value }, attributes, loginLifetimeSeconds);
    },
    promptFor(provider, cookies) {
      const wanted = read(cookies);
      if (!wanted) return undefined;
      const { prompt_values_supported: supported } = provider.client.metadata();
      const isTaken = (prompt: string) => !Array.isArray(supported) || supported.includes(prompt);
      return wanted.prompts.find(isTaken) ?? null;
    },
    forget: (cookies) =>
      cookies.some((cookie) => cookie.name === name) ? [expireCookie(name, attributes)] : [],
  };
}

/**
 * The parameter of a login that asks for the account, together with what the configuration asks of every login;
 * empty where that asks for it already.
 */
export function accountParameters(
  prompt: AccountPrompt | null | undefined,
  configured: string | undefined,
): Record<string, string> {
  if (prompt === null || prompt === undefined) return {};
  const values = (configured ?? '').split(' ').filter((value) => value !== '' && value !== 'none');
  if (values.some((value) => value === 'login' || value === 'select_account')) return {};
  return { prompt: [...values, prompt].join(' ') };
}
