import { systemClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { watchConnections } from '../../src/estate/connections.ts';
import { type Generation, openGeneration } from '../../src/estate/generation.ts';
import { createLiveConnections } from '../../src/forward/live-connections.ts';
import { createHoldings } from '../../src/holdings.ts';
import { createCrowd } from '../../src/limits/crowd.ts';
import type { Inbound, Outbound } from '../../src/listen/inbound.ts';
import { compilePlan } from '../../src/plan/plan.ts';
import { systemRandom } from '../../src/random.ts';
import { closed } from '../../src/request/transports/ending.ts';
import { rememberEntries } from '../../src/request/transports/entry.ts';
import { openHttp } from '../../src/request/transports/http.ts';
import { openUpgrades } from '../../src/request/transports/upgrade.ts';
import type { Teardown } from '../support/arrange.ts';
import { type GatewayLog, readLog } from '../support/gateway.ts';
import { type GatewayParts, gatewayYaml } from '../support/gateway-config.ts';
import { observeInto } from '../support/observe.ts';
import { adapt } from './memory-adapter.ts';
import { type ClientStream, type Field, openStream } from './memory-stream.ts';

export const authority = '127.0.0.1:4180';

export interface MemoryGateway {
  log: GatewayLog;
  /**
   * Sends the head of a request.
   * @param isBodiless what is written to the stream is its body, unless this says that it has none
   */
  open(fields: readonly Field[], isBodiless: boolean): ClientStream;
}

/** A gateway with all its stages and its way upstream, which listens nowhere: its clients come from memory. */
export async function openMemoryGateway(t: Teardown, parts: GatewayParts): Promise<MemoryGateway> {
  const { config } = parseConfig(gatewayYaml(parts, 4180), { file: 'sallyport.yaml', env: {} });
  const written: string[] = [];
  const clock = systemClock;
  const { emit } = observeInto((line) => written.push(line), { level: 'debug', clock });
  let generation: Generation | undefined;
  const entryOf = rememberEntries(() => (generation as Generation).pipeline);
  const crowd = createCrowd(clock);
  const watch = watchConnections({ clock, emit, entryOf, crowd });
  const lease = createHoldings().lease();
  const open = {
    keep: lease.keep,
    defer: lease.defer,
    emit,
    clock,
    random: systemRandom,
    primary: undefined,
    isReady: () => true,
    crowd,
  };
  const opened = openGeneration(compilePlan(config), { ...open, live: createLiveConnections(clock), watch });
  generation = opened;
  for (const origin of config.publicUrl) parts.provider?.allowRedirectsTo(origin);
  if (parts.provider) await opened.prepared;
  const app = await openHttp({ entryOf, emit, clock }, { tls: undefined, limits: config.limits });
  await app.ready();
  t.teardown(async () => {
    watch.close();
    await app.close();
    await lease.release();
  });
  const upgrades = openUpgrades({ entryOf, emit, clock });
  const take = (request: Inbound, response: Outbound) => {
    response.on('close', () => closed({ emit, clock }, entryOf(request), response));
    app.routing(request as Parameters<typeof app.routing>[0], response as Parameters<typeof app.routing>[1]);
  };
  return {
    log: readLog(written),
    open(fields, isBodiless) {
      const { client, server } = openStream(isBodiless);
      adapt(fields, server, { take, takeTunnel: upgrades.take });
      return client;
    },
  };
}
