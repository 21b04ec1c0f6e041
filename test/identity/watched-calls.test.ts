import { test } from 'tap';
import type { ProviderMetadata } from '../../src/identity/provider/library.ts';
import { watchCalls } from '../../src/identity/provider/watch-calls.ts';
import type { Event } from '../../src/observe/events.ts';
import { createWoundClock } from '../support/clock.ts';

const issuer = 'https://id.example.com';
const options = { method: 'GET' } as Parameters<ReturnType<typeof watchCalls>>[1];

function arrange(metadataUrl?: string) {
  let metadata: Partial<ProviderMetadata> | undefined;
  const told: Event[] = [];
  const fetch = watchCalls(async () => new Response('{}'), {
    name: 'default',
    metadata: () => metadata,
    metadataUrl,
    emit: (event) => told.push(event),
    clock: createWoundClock(),
  });
  return {
    async ask(url: string) {
      await fetch(url, options);
      const last = told.at(-1);
      return last?.kind === 'provider-called' ? `${last.endpoint} ${last.address}` : '';
    },
    states(stated: Partial<ProviderMetadata>) {
      metadata = stated;
    },
  };
}

test('an address means what the metadata of now say, whatever it meant before', async (t) => {
  const { ask, states } = arrange();
  const url = `${issuer}/a`;
  t.equal(await ask(url), `other ${issuer}`);
  states({ issuer, token_endpoint: url });
  for (let again = 0; again < 2; again++) t.equal(await ask(url), `token ${url}`);
  states({ issuer, userinfo_endpoint: url });
  for (let again = 0; again < 2; again++) t.equal(await ask(url), `userinfo ${url}`);
  states({ issuer });
  t.equal(await ask(url), `other ${issuer}`);
});

test('queries are told of nobody, and any number of addresses is read rightly', async (t) => {
  const { ask, states } = arrange(`${issuer}/metadata?tenant=1`);
  states({ issuer, userinfo_endpoint: `${issuer}/me` });
  for (let index = 0; index < 200; index++) {
    t.equal(await ask(`${issuer}/me?access_token=secret-${index}`), `userinfo ${issuer}/me`);
    t.equal(await ask(`${issuer}/other/secret-${index}`), `other ${issuer}`);
  }
  t.equal(await ask(`${issuer}/metadata?tenant=1`), `discovery ${issuer}/metadata`);
});
