import { type Check, each, type Subject } from './check.ts';
import { bearerEntries, origins, type Route } from './subjects.ts';

interface Resource extends Subject {
  route: Route;
  /** The host of its identifier; undefined where that is not valid. */
  hostname: string | undefined;
}

function resources(route: Route): Resource[] {
  if (!route.has('resource')) return [];
  const { identifier } = route.value.resource ?? {};
  const hostname = identifier === undefined ? undefined : new URL(identifier).hostname;
  return [{ at: [...route.at, 'resource'], route, hostname }];
}

const isAccepted = ({ route }: Resource): boolean => (route.whole.value.bearer ?? []).length > 0;

/** Whether clients find out where to get a token. */
const namesIssuer = ({ route }: Resource): boolean =>
  route.has('resource', 'authorizationServers') ||
  bearerEntries(route.whole).some(({ has }) => has('issuer'));

/** Whether the metadata of a resource can be asked for here. */
function isServed({ hostname, route }: Resource): boolean {
  if (hostname === undefined) return true;
  const { host } = route.value;
  return (
    origins(route.whole).some((origin) => origin.hostname === hostname) ||
    host === hostname ||
    (host?.startsWith('*.') === true && hostname.endsWith(host.slice(1)))
  );
}

const notServed = ({ hostname }: Resource) =>
  `${hostname} is neither of publicUrl nor the host of this route, so nobody could find its metadata.`;

/** A protected resource (RFC 9728) needs somebody who gives tokens for it, and an address for its metadata. */
export const resourceChecks: readonly Check<Route>[] = [
  each(resources, [
    {
      when: (resource) => !isAccepted(resource),
      says: 'without the top-level `bearer` no access token is accepted.',
    },
    {
      key: 'authorizationServers',
      when: (resource) => isAccepted(resource) && !namesIssuer(resource),
      says: 'no entry of `bearer` has an issuer, so say where clients get a token.',
    },
    {
      key: 'identifier',
      when: (resource) =>
        isAccepted(resource) && !isServed(resource) && resource.route.has('resource', 'identifier'),
      says: notServed,
    },
    {
      // The short form: the identifier alone.
      when: (resource) =>
        isAccepted(resource) && !isServed(resource) && !resource.route.has('resource', 'identifier'),
      says: notServed,
    },
  ]),
];
