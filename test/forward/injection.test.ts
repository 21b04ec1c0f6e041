import { test } from 'tap';
import type { Template, TemplateValue } from '../../src/config/template.ts';
import { compileInjection, type RawHeaders } from '../../src/forward/request-headers.ts';
import type { TemplateContext, TemplatePerson } from '../../src/forward/template-values.ts';

const personNamed = (user: string): TemplatePerson => ({
  accessToken: `token of ${user}`,
  idToken: undefined,
  sessionId: undefined,
  provider: undefined,
  user,
  email: undefined,
  name: undefined,
  groups: [],
  claims: {},
});

const placeholder = (value: TemplateValue): Template => [{ value, filter: undefined }];

const inject = compileInjection(
  new Map<string, Template | null>([
    ['user', placeholder({ kind: 'user' })],
    ['request', placeholder({ kind: 'request.id' })],
    ['token', placeholder({ kind: 'token' })],
    ['removed', null],
  ]),
  [['signed', ({ requestId }) => `signature ${requestId}`]],
);

function headersFor(context: TemplateContext): Record<string, string> {
  const headers: RawHeaders = [];
  inject(headers, context);
  return Object.fromEntries(
    headers.flatMap((text, at) => (at % 2 === 0 ? [[text, headers[at + 1] ?? '']] : [])),
  );
}

test('what changes from request to request is not remembered with the person', async (t) => {
  const person = personNamed('ada');
  const first = headersFor({ requestId: '1', person, token: 'one' });
  t.strictSame(first, { user: 'ada', request: '1', token: 'one', signed: 'signature 1' });
  const second = headersFor({ requestId: '2', person, token: 'two' });
  t.strictSame(second, { user: 'ada', request: '2', token: 'two', signed: 'signature 2' });
  const third = headersFor({ requestId: '3', person });
  t.strictSame(third, { user: 'ada', request: '3', signed: 'signature 3' }, 'nor is a token that is gone');
});

test('what is remembered of one person is not given to another, nor to nobody', async (t) => {
  const [ada, grace] = [personNamed('ada'), personNamed('grace')];
  for (const person of [ada, grace, undefined, ada]) {
    t.equal(headersFor({ requestId: '1', person })['user'], person?.user);
  }
});
