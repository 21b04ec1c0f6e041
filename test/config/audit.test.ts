import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';

const base = `
publicUrl: https://app.example.com
upstream: http://legacy:8080
provider: { issuer: https://id.example.com, clientId: app, clientSecret: s }
session: { secret: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= }
`;

const read = (audit: string, env: NodeJS.ProcessEnv = {}) =>
  parseConfig(`${base}${audit}\n`, { file: 'sallyport.yaml', env }).config.audit;

test('each way to say where lines go', async (t) => {
  t.same(read(''), {});
  t.equal(read('audit: off'), 'off');
  t.equal(read('audit: false'), 'off');
  t.same(read('audit: stdout'), { stdout: true });
  t.same(read('audit: { file: /var/log/a.jsonl, include: [login] }'), {
    file: '/var/log/a.jsonl',
    include: ['login'],
  });
  t.same(read('', { SALLYPORT_AUDIT_FILE: '/var/log/a.jsonl' }), { file: '/var/log/a.jsonl' });
});

test('what leaves no place, or two, or is misspelt, is refused', async (t) => {
  for (const [audit, message] of [
    ['audit: { file: /a/b, stdout: true }', /audit\.stdout: lines go to one place/],
    ['audit: { stdout: false }', /audit\.stdout: this leaves no place/],
    ['audit: { file: sdtout }', /audit\.file: .*the path of a file/],
    ['audit: { file: /var/log/ }', /audit\.file: .*the path of a file/],
    ['audit: { include: [logins] }', /audit\.include\[0\]: .*one of login, login_failed/],
    ['audit: { include: [] }', /audit\.include: .*at least one event/],
    ['audit: on', /audit: .*off, stdout, or a map/],
  ] as const) {
    t.throws(() => read(audit), { message }, audit);
  }
});
