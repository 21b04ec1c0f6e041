import { randomBytes } from 'node:crypto';
import { arrangeGateway, arrangeUpstream, type Scene, type Teardown } from '../support/arrange.ts';
import { type Person, startProvider, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

export interface TwoProviders extends Scene {
  staff: TestProvider;
  partners: TestProvider;
}

/** Providers on one host share the browser's cookies, whatever their ports: each needs names of its own. */
async function startNamed(t: Teardown, name: string, people: Record<string, Person>): Promise<TestProvider> {
  const cookie = (suffix: string) => `${name}_${suffix}`;
  const provider = await startProvider({
    people,
    configuration: {
      cookies: {
        keys: [randomBytes(16).toString('hex')],
        names: {
          session: cookie('session'),
          interaction: cookie('interaction'),
          resume: cookie('resume'),
        },
      },
    },
  });
  t.teardown(() => provider.stop());
  return provider;
}

/**
 * A gateway with two providers, `staff` (ada) and `partners` (eve, who is also called ada@example.com), in front
 * of an echo; people of example.com go to `staff` when they give their address.
 */
export async function arrangeTwoProviders(
  t: Teardown,
  routes: readonly Record<string, unknown>[] = [],
  partnerSettings: Record<string, unknown> = {},
): Promise<TwoProviders> {
  const staff = await startNamed(t, 'staff', {
    ada: { name: 'Ada', email: 'ada@example.com', email_verified: true, groups: ['staff'] },
  });
  const partners = await startNamed(t, 'partners', {
    eve: { name: 'Eve', email: 'ada@example.com', email_verified: true, groups: ['staff'] },
  });
  const upstream = await arrangeUpstream(t);
  const settings = ({ issuer, clientId, clientSecret }: TestProvider, more: Record<string, unknown>) => ({
    issuer,
    clientId,
    clientSecret,
    scopes: ['openid', 'profile', 'email', 'groups'],
    ...more,
  });
  const scene = await arrangeGateway(t, {
    config: {
      provider: undefined,
      providers: {
        staff: settings(staff, { label: 'Our staff', match: { emailDomains: ['Example.com'] } }),
        partners: settings(partners, { label: 'Partners', ...partnerSettings }),
      },
      routes: [
        { path: '/', upstream: upstream.url },
        ...routes.map((route) => ({ upstream: upstream.url, ...route })),
      ],
    },
  });
  for (const provider of [staff, partners]) provider.allowRedirectsTo(scene.gateway.url);
  for (const name of ['staff', 'partners']) {
    await until(`the provider ${name} is found`, async () => {
      const { status } = await scene.client.get(`${scene.gateway.url}/oauth2/start?provider=${name}`);
      return status === 302 || undefined;
    });
  }
  scene.client.cookies.clear();
  return { ...scene, staff, partners };
}
