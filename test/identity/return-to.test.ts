import fc from 'fast-check';
import { test } from 'tap';
import { safeReturnTo } from '../../src/identity/browser/return-to.ts';

const origin = 'https://app.example.com';
const allowed = new Set([origin, 'https://two.example.com']);
const go = (rd: string | null) => safeReturnTo(rd, origin, allowed);

test('paths and addresses on our origins are kept, byte for byte', async (t) => {
  t.equal(go('/a/b?c=d&e=%20#f'), `${origin}/a/b?c=d&e=%20#f`);
  t.equal(go('/'), `${origin}/`);
  t.equal(go('https://app.example.com/x'), 'https://app.example.com/x');
  t.equal(go('https://two.example.com/x?y'), 'https://two.example.com/x?y');
  t.equal(go('HTTPS://APP.EXAMPLE.COM/x'), 'HTTPS://APP.EXAMPLE.COM/x');
});

const attacks = [
  null,
  '',
  'x',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '\t//evil.example',
  ' //evil.example',
  '/\r\nSet-Cookie: a=b',
  'https://evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'https://app.example.com@evil.example/',
  'https://app.example.com:pw@evil.example/',
  'https://user@app.example.com/',
  'https://app.example.com.evil.example/',
  'https://evilapp.example.com/',
  'https://app.example.com:8443/',
  'http://app.example.com/',
  'https://app.example.com\\@evil.example/',
  'https://evil.example#https://app.example.com/',
  'https://evil.example?https://app.example.com/',
  'https://[::1]/',
  'https://%61pp.example.com.evil.example/',
  'javascript:alert(1)',
  'data:text/html,x',
  'JaVaScRiPt:alert(1)',
  'vbscript:x',
  'file:///etc/passwd',
  '//app.example.com/',
  '/\u2028/evil.example',
  '/\u00a0/evil.example',
  'https://app.example.com\u0000.evil.example/',
  `/${'x'.repeat(9000)}`,
];

test(`none of ${attacks.length} addresses leads away`, async (t) => {
  for (const rd of attacks) t.equal(go(rd), `${origin}/`, encodeURIComponent(String(rd)).slice(0, 80));
});

test('whatever is asked for, a browser stays on an allowed origin', async () => {
  const pieces = fc.constantFrom(
    '/',
    '\\',
    ':',
    '@',
    '.',
    '?',
    '#',
    '%',
    '\t',
    'https',
    'http',
    'evil.example',
    'app.example.com',
    'javascript',
    '[',
    ']',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 10 }), (parts) =>
      allowed.has(new URL(go(parts.join(''))).origin),
    ),
    { numRuns: 5000 },
  );
});
