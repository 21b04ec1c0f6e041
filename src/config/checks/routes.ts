import { tokenNames } from '../../forward/template-values.ts';
import type { Template } from '../template.ts';
import { type Check, each, type Subject } from './check.ts';
import { withTwins } from './same-requests.ts';
import type { Route, Whole } from './subjects.ts';

interface ResponseHeader extends Subject {
  name: string;
  template: Template | null | undefined;
}

const responseHeaders = ({ at, value }: Route): ResponseHeader[] =>
  Object.entries(value.responseHeaders ?? {}).map(([name, template]) => ({
    at: [...at, 'responseHeaders'],
    name,
    template: template as Template | null | undefined,
  }));

const prefixOf = ({ whole }: Route) => whole.value.endpoints?.prefix;

export const routeChecks: readonly Check<Whole>[] = [
  {
    key: 'upstream',
    when: ({ has, value }) => !has('upstream') && (value.routes ?? []).length === 0,
    says: 'this key is required: the application, such as http://legacy:8080 (or give `routes`).',
  },
  each(withTwins, [
    {
      key: 'rewrite',
      when: ({ has, value }) => has('rewrite') && value.stripPrefix === true,
      says: '`stripPrefix` is `rewrite: /`: give one of the two.',
    },
    {
      key: 'tls',
      when: ({ has }) => has('tls', 'cert') !== has('tls', 'key'),
      says: 'a client certificate needs both `cert` and `key`.',
    },
    {
      key: 'tls',
      when: ({ has, value: { upstream } }) =>
        has('tls') &&
        upstream?.targets?.every((each) => each?.url !== undefined && !each.url.startsWith('https:')) ===
          true,
      says: 'the upstream is not https, so this would have no effect.',
    },
    {
      key: 'proxy',
      when: ({ has, value: { upstream } }) =>
        has('proxy') && upstream?.targets?.some((each) => each?.url?.startsWith('unix:')) === true,
      says: 'no proxy has a way to a Unix socket of this machine.',
    },
    {
      key: ['upstream', 'retry', 'for'],
      when: ({ value: { upstream } }) =>
        (upstream?.retry?.for ?? 0) > 0 && upstream?.retry?.on?.includes('connect') === false,
      says: 'it is for connections that cannot be made: list `connect` in `on`.',
    },
    {
      key: 'noStore',
      when: ({ value }) => value.sharedCache === true && value.noStore === true,
      says: 'nothing is kept then, so `sharedCache` would have no effect.',
    },
    {
      key: 'basicAuth',
      when: ({ has, keys }) =>
        has('basicAuth') && keys('headers').some((name) => name.toLowerCase() === 'authorization'),
      says: '`headers` sets Authorization too: give one of the two.',
    },
    each(responseHeaders, [
      {
        when: ({ template }) =>
          (template ?? []).some((part) => typeof part !== 'string' && tokenNames.includes(part.value.kind)),
        says: ({ name }) => `${name} would give a token to the browser.`,
      },
    ]),
    {
      key: 'path',
      when(route) {
        const { path } = route.value;
        const prefix = prefixOf(route);
        return prefix !== undefined && path !== undefined && `${path}/`.startsWith(`${prefix}/`);
      },
      says: (route) =>
        `the gateway answers everything below ${prefixOf(route)} itself (endpoints.prefix), so this would have no effect.`,
    },
    {
      when: ({ twin }) => twin !== undefined,
      says: ({ twin }) => `matches the very same requests as ${twin}.`,
    },
  ]),
];
