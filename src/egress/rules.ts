import { isLoopback } from './loopback.ts';
import { compileNoProxy } from './no-proxy.ts';
import { type ForwardProxy, parseProxy } from './proxy.ts';

/** Which way calls go. It is plain data, and a part of the natural key of what is connected by it. */
export interface EgressRules {
  /** A proxy for every call, whatever the environment says; `off` for none. */
  fixed?: string | undefined;
  /** What the environment says: the proxy of http and of https addresses, and what is asked directly. */
  http?: string | undefined;
  https?: string | undefined;
  except?: string | undefined;
}

/** The proxy of an address; undefined where it is asked directly. */
export type Way = (url: URL) => ForwardProxy | undefined;

/** The names of the environment, in the order in which they count: a small one wins, as with curl. */
const names = {
  http: ['http_proxy', 'HTTP_PROXY'],
  https: ['https_proxy', 'HTTPS_PROXY'],
  except: ['no_proxy', 'NO_PROXY'],
} as const;

/** What the environment says of proxies. A name that is set to nothing is set: there is none then. */
export function readEgress(env: NodeJS.ProcessEnv): EgressRules {
  const settingOf = (key: keyof typeof names) => {
    const name = names[key].find((each) => env[each] !== undefined);
    return (name !== undefined && env[name]?.trim()) || undefined;
  };
  return { http: settingOf('http'), https: settingOf('https'), except: settingOf('except') };
}

/** The names of the environment whose value is not a proxy. */
export function wrongNames(env: NodeJS.ProcessEnv): string[] {
  return [...names.http, ...names.https].filter((name) => {
    const value = env[name]?.trim();
    return value !== undefined && value !== '' && parseProxy(value) === undefined;
  });
}

/**
 * Compiles the rules. What is on this machine is never asked through a proxy of the environment, as Go has it: to the
 * proxy, the same address is another machine, and nobody may read what stays here.
 */
export function compileWay({ fixed, http, https, except = '' }: EgressRules): Way {
  if (fixed !== undefined) {
    const proxy = fixed === 'off' ? undefined : parseProxy(fixed);
    return () => proxy;
  }
  const ofHttp = http === undefined ? undefined : parseProxy(http);
  const ofHttps = https === undefined ? undefined : parseProxy(https);
  if (!ofHttp && !ofHttps) return () => undefined;
  const isExcepted = compileNoProxy(except);
  return (url) => {
    const proxy = url.protocol === 'https:' ? ofHttps : ofHttp;
    return proxy === undefined || isLoopback(url) || isExcepted(url) ? undefined : proxy;
  };
}

/** Whether calls to an address are seen by nobody else: it is on this machine, and so is the proxy of them, if any. */
export function staysHere(url: URL, rules: EgressRules | undefined): boolean {
  if (!isLoopback(url)) return false;
  const proxy = rules && compileWay(rules)(url);
  return proxy === undefined || isLoopback(new URL(proxy.name));
}
