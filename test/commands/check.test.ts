import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../docs/documents.ts';
import { startImitation } from '../presets/imitation.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

function check(file: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/src/main.js', 'check', '-c', file], { cwd: projectRoot });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.on('close', (code) => resolve({ code, output }));
  });
}

test('check connects to endpoints that were given by hand', async (t) => {
  const upstream = await arrangeUpstream(t);
  const imitation = await startImitation({ paths: { authorize: '/authorize', token: '/token' } });
  const file = join(t.testdir(), 'sallyport.yaml');
  const provider = {
    issuer: undefined,
    type: 'oauth2',
    authorizationEndpoint: `${imitation.origin}/authorize`,
    tokenEndpoint: `${imitation.origin}/token`,
    userinfoEndpoint: `${imitation.origin}/whoami`,
  };
  writeFileSync(file, gatewayYaml({ upstream, config: { provider } }, 4180));
  const good = await check(file);
  t.equal(good.code, 0);
  t.match(good.output, `  ok     provider ${imitation.origin}`);
  await imitation.stop();
  const bad = await check(file);
  t.equal(bad.code, 1);
  t.match(bad.output, new RegExp(`FAIL {3}provider ${imitation.origin}: .*ECONNREFUSED`));
});
