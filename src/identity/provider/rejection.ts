import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import type { Emit } from '../../observe/events.ts';
import type { EndpointError } from './endpoint-error.ts';

/** Everybody's request meets the same fault; one line now and then is enough. */
const quietMs = 10_000;

type Client = Partial<Pick<ProviderConfig, 'clientAuth' | 'clientSecret' | 'privateKey' | 'tls'>>;

/**
 * Says that a provider does not take the gateway as its client, with what the operator has to look at.
 * @param name of the provider, or of the entry of `bearer`
 */
export function reportRejection(
  emit: Emit,
  name: string,
  config: Client,
  { clock, place = 'provider' }: { clock: Pick<Clock, 'monotonic'>; place?: string },
): (error: EndpointError) => void {
  const keys = keysOf(config).map((key) => `${place}.${key}`);
  let quietUntil = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (clock.monotonic() < quietUntil) return;
    quietUntil = clock.monotonic() + quietMs;
    const { endpoint, answer } = error;
    emit({ kind: 'client-rejected', provider: name, endpoint, status: answer.status, error, lookAt: keys });
  };
}

/** The keys of the configuration that say who the gateway is. */
function keysOf({ clientAuth, clientSecret, privateKey, tls }: Client): string[] {
  const given = [
    ...(clientSecret === undefined ? [] : ['clientSecret']),
    ...(privateKey === undefined ? [] : ['privateKey', 'assertionAudience']),
    ...(tls === undefined ? [] : ['tls']),
  ];
  return ['clientId', ...given, clientAuth === undefined ? 'clientAuth (unset)' : 'clientAuth'];
}
