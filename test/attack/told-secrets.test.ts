import { test } from 'tap';
import { createKnownSecrets } from '../../src/observe/known-secrets.ts';
import { beginLogin } from '../login/steps.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';

/** Without a shape that a secret could be told by, and with everything that is written in several ways. */
const secret = 'corr.ect/horse + batt.ery=st.aple';

const sayings: Record<string, string> = {
  'as it is': `the secret ${secret} is wrong`,
  'in a form': `sent s=${encodeURIComponent(secret)}`,
  'behind more than is shown': `${'no. '.repeat(73)}${secret}`,
  'behind a word that is as long as what is shown': `${'no.'.repeat(95)}${secret}`,
};

/** What a login answers to an error of the provider. */
const codes = { access_denied: 'login_refused', server_error: 'provider_unavailable' };

for (const [how, description] of Object.entries(sayings)) {
  test(`a provider that repeats the client secret in a refusal shows it to nobody: ${how}`, async (t) => {
    const provider = await startProvider();
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const config = { provider: { clientSecret: secret } };
    const gateway = await startTestGateway({ provider, upstream, config });
    t.teardown(() => gateway.close());
    const client = createClient();
    t.teardown(() => client.close());
    for (const [error, code] of Object.entries(codes)) {
      const { state } = await beginLogin(client, gateway.url);
      const answer = new URLSearchParams({
        error,
        error_description: description,
        state,
        iss: provider.issuer,
      });
      const page = await client.navigate(`${gateway.url}/oauth2/callback?${answer}`);
      t.match(page.headers['x-sallyport-error'], code);
      await gateway.log.line((line) => line.code === code);
      for (const text of [page.text, gateway.log.text()]) {
        for (const part of ['corr.ect', 'batt.ery', 'st.aple']) t.notOk(text.includes(part), text);
      }
    }
  });
}

test('secrets of the last configurations are known, and those of long ago are not kept', async (t) => {
  const secrets = createKnownSecrets();
  for (let day = 1; day <= 1000; day++) secrets.keep([`secret of day ${day}.`, 'that never changes']);
  t.equal(secrets.hide('secret of day 1000. that never changes'), '[redacted] [redacted]');
  t.equal(secrets.hide('secret of day 999.'), '[redacted]', 'an answer to the last one may still come');
  t.equal(secrets.hide('secret of day 1.'), 'secret of day 1.');
});

test('a secret that is a part of another leaves nothing of it', async (t) => {
  const secrets = createKnownSecrets();
  secrets.keep(['abcdef', 'abcdef.ghijkl']);
  t.equal(secrets.hide('it is abcdef.ghijkl'), 'it is [redacted]');
});
