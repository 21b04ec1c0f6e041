import { parameterKeys, reservedAuthorizationParams } from '../schema/login-request.ts';
import { type Check, each, type Subject } from './check.ts';
import type { Provider } from './subjects.ts';

interface Parameter extends Subject {
  name: string;
  value: string | undefined;
  /** The key of the provider that sets the same parameter. */
  key: string | undefined;
}

/** The keys of a provider that set a parameter of the authorization request, by that parameter. */
const keysOf = ({ has }: Provider): ReadonlyMap<string, string> =>
  new Map(Object.entries(parameterKeys).flatMap(([key, parameter]) => (has(key) ? [[parameter, key]] : [])));

function parameters(provider: Provider): Parameter[] {
  const byKey = keysOf(provider);
  return Object.entries(provider.value.authorizationParams ?? {}).map(([name, value]) => ({
    at: [...provider.at, 'authorizationParams', name],
    name,
    value,
    key: byKey.get(name),
  }));
}

const isReserved = ({ name }: Parameter) => reservedAuthorizationParams.includes(name);

interface AllowedParameter extends Subject {
  name: string;
  isSet: boolean;
}

function allowedParameters(provider: Provider): AllowedParameter[] {
  const byKey = keysOf(provider);
  return (provider.value.allowedParams ?? []).flatMap((name) => {
    if (name === undefined) return [];
    const isSet = byKey.has(name) || provider.has('authorizationParams', name);
    return [{ at: [...provider.at, 'allowedParams'], name, isSet }];
  });
}

function isJsonObject(value: string): boolean {
  try {
    const parsed: unknown = JSON.parse(value);
    return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

/** Each parameter of the authorization request is set by one thing only. */
export const authorizationParamsChecks: readonly Check<Provider>[] = [
  each(parameters, [
    {
      when: ({ name }) => name === 'response_mode',
      says: 'the login sets this parameter itself: see `responseMode`.',
    },
    {
      when: (parameter) => isReserved(parameter) && parameter.name !== 'response_mode',
      says: 'the login sets this parameter itself.',
    },
    {
      when: ({ name }) => name === 'resource',
      says: 'the token requests need it too: give it as `resource`.',
    },
    {
      when: ({ name, key }) => key !== undefined && name !== 'resource',
      says: ({ key }) => `\`${key}\` sets this parameter too: give one of the two.`,
    },
    {
      when: ({ name, value, key }) =>
        name === 'max_age' && key === undefined && value !== undefined && !/^\d{1,9}$/.test(value),
      says: 'expected a number of seconds.',
    },
    {
      when: ({ name, value, key }) =>
        name === 'claims' && key === undefined && value !== undefined && !isJsonObject(value),
      says: 'expected JSON text of an object.',
    },
  ]),
  each(allowedParameters, [
    {
      when: ({ isSet }) => isSet,
      says: ({ name }) =>
        `${name} is set by this configuration, so that nobody can choose another: drop one of the two.`,
    },
  ]),
];
