import fc from 'fast-check';
import { test } from 'tap';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { errorAnswer } from '../../src/pages/answer.ts';
import { createErrorAnswers } from '../../src/pages/error-answers.ts';
import type { Action } from '../../src/pages/html.ts';
import { text } from '../../src/pages/texts/text.ts';

const odd = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('@@hole-id@@', '@@hole-0@@', '"><script>', "'", '&amp;', '$&', '\\', '\u2028'),
);
const action = fc.record({
  label: fc.constantFrom(text('button.try_again'), text('button.sign_in')),
  href: odd,
  post: fc.boolean(),
});
const codes: readonly ErrorCode[] = [
  'rate_limited',
  'overloaded',
  'upstream_busy',
  'not_signed_in',
  'no_route',
];
const asked = fc.record({
  code: fc.constantFrom(...codes),
  retryAfter: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
  hasDetail: fc.boolean(),
  requestId: odd,
  page: fc.boolean(),
  actions: fc.array(action, { maxLength: 3 }),
  loginUrl: fc.option(odd, { nil: undefined }),
});

/** The one character beyond ASCII that the pages have in English. */
const withDot = (body: string) => body.replaceAll(`&#${'·'.charCodeAt(0)};`, '·');

test('an answer that was prepared is the one that is made anew, whatever stands in it', async (t) => {
  const prepared = createErrorAnswers();
  fc.assert(
    fc.property(fc.array(asked, { minLength: 5, maxLength: 20 }), (all) => {
      for (const { code, retryAfter, hasDetail, ...context } of all) {
        const error = new GatewayError(code, {
          ...(retryAfter !== undefined && { retryAfter }),
          ...(hasDetail && { detail: text('error.internal') }),
        });
        const actions: readonly Action[] = context.actions;
        const { body, ...rest } = prepared(error, { ...context, actions });
        const anew = errorAnswer(error, { ...context, actions });
        t.strictSame({ ...rest, body: withDot(body) }, { ...anew, body: withDot(anew.body) });
      }
    }),
    { numRuns: 60 },
  );
});

test('what one request brings never comes to another', async (t) => {
  const prepared = createErrorAnswers();
  const error = new GatewayError('overloaded', { retryAfter: 1 });
  const ask = (requestId: string, href: string) =>
    prepared(error, { requestId, page: true, actions: [{ label: text('button.try_again'), href }] }).body;
  ask('secret-id', 'https://app.example/secret');
  const next = ask('<b>', 'https://app.example/"><script>');
  t.notMatch(next, /secret/);
  t.notMatch(next, /<script|<b>/);
  t.match(next, /&lt;b&gt;/);
});
