import { test } from 'tap';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { errorAnswer, pageAnswer } from '../../src/pages/answer.ts';
import type { Page } from '../../src/pages/html.ts';
import { en } from '../../src/pages/texts/en.ts';
import { english, type Language, languages, textsIn } from '../../src/pages/texts/languages.ts';
import { say, type Text, type TextKey, type Texts, text, translation } from '../../src/pages/texts/text.ts';

const codes = Object.keys(en).flatMap((key) => (key.startsWith('error.') ? key.slice(6) : [])) as ErrorCode[];
const context = { requestId: 'r1', page: true };

/** A page that has everything, of which some is German. */
const german = translation({
  'error.not_signed_in': 'Dafür müssen Sie sich anmelden.',
  'title.401': 'Bitte anmelden',
  'footer.request': '{code} · Anfrage {id}',
  'choose.or': 'oder',
});
const texts: Texts = { language: 'de', byKey: { ...english.byKey, ...german } };

test('each title is that of a status of an error, and each status has one', async (t) => {
  const titles = Object.keys(en).filter((key) => key.startsWith('title.'));
  const statuses = new Set(codes.map((code) => `title.${new GatewayError(code).status}`));
  t.strictSame(titles.sort(), [...statuses].sort());
});

for (const language of Object.keys(languages) as Language[]) {
  test(`${language}: each error is a page and a problem without a placeholder that is left`, async (t) => {
    const own = textsIn(language);
    for (const code of codes) {
      const error = new GatewayError(code);
      const page = errorAnswer(error, { ...context, texts: own });
      t.match(page.body, `<html lang="${language}">`);
      t.match(page.body, say(own, text(`title.${error.status}`)));
      t.notMatch(page.body, /<(?:p|h1|footer)[^>]*>[^<]*[{}]/, code);
      const problem = JSON.parse(errorAnswer(error, { ...context, page: false, texts: own }).body);
      t.match(problem, { code, detail: say(own, error.sentence), status: error.status });
    }
  });
}

test('each language has placeholders that English has, and no others', async (t) => {
  const placeholders = (words: string): readonly string[] => words.match(/\{\w+\}/g) ?? [];
  for (const language of Object.keys(languages) as Language[]) {
    for (const [key, words] of Object.entries(textsIn(language).byKey)) {
      const known = placeholders(en[key as TextKey]);
      t.strictSame(
        placeholders(words).filter((each) => !known.includes(each)),
        [],
        `${language}: ${key}`,
      );
    }
  }
});

test('in another language, an error is a page and a problem; what it lacks comes in English', async (t) => {
  const error = new GatewayError('not_signed_in', { detail: text('detail.scope_needed', { scope: 'read' }) });
  const { body } = errorAnswer(error, {
    ...context,
    texts,
    actions: [{ label: text('button.sign_in'), href: '/' }],
  });
  t.match(body, '<html lang="de">');
  t.match(body, '<title>Bitte anmelden</title>');
  t.match(body, '<p>Dafür müssen Sie sich anmelden.</p>');
  t.match(body, '<p class="detail">It needs read.</p>');
  t.match(body, '<a class="button" href="/">Sign in</a>');
  t.match(body, '<footer>not_signed_in · Anfrage r1</footer>');
  const problem = JSON.parse(errorAnswer(error, { ...context, page: false, texts }).body);
  t.match(problem, {
    title: 'Bitte anmelden',
    detail: 'Dafür müssen Sie sich anmelden. It needs read.',
    code: 'not_signed_in',
  });
});

test('the log and the command line have an error in English', async (t) => {
  t.equal(new GatewayError('not_signed_in').message, 'You need to sign in to see this.');
  const detail = text('detail.scope_needed', { scope: 'read' });
  t.equal(new GatewayError('insufficient_scope', { detail }).message, 'It needs read.');
});

test('the page of a choice is in the language too', async (t) => {
  const page: Page = {
    title: text('choose.title'),
    message: text('choose.message'),
    form: {
      action: '/oauth2/sign_in',
      field: { name: 'email', type: 'email', label: text('choose.email'), autocomplete: 'username' },
      submit: text('choose.submit'),
    },
    choices: [{ name: 'Work', href: '/', icon: undefined, isLast: true }],
  };
  t.match(pageAnswer(200, page, [], texts).body, '<p class="or">oder</p>');
  t.match(pageAnswer(200, page).body, '<p class="or">or</p>');
  t.match(pageAnswer(200, page).body, '<span class="note">last used</span>');
});

test('a value is what it is: no HTML, no placeholder, no pattern of a replacement', async (t) => {
  const said = '<script>{said}</script> $& {constructor}';
  const detail = text('detail.provider_said', { said });
  t.equal(say(english, detail), `It said: ${said}`);
  const { body } = errorAnswer(new GatewayError('login_refused', { detail }), context);
  t.match(body, '<p class="detail">It said: &lt;script&gt;{said}&lt;/script&gt; $&amp; {constructor}</p>');
});

test('what is no key, lacks a value or was not made by text does not compile', async (t) => {
  const needsText = (each: Text) => each;
  const attempts = [
    // @ts-expect-error: no such key
    () => text('error.no_such_code'),
    // @ts-expect-error: a value is missing
    () => text('detail.provider_said'),
    // @ts-expect-error: a value of another name
    () => text('detail.provider_said', { saying: 'a' }),
    // @ts-expect-error: a value too many
    () => text('detail.provider_said', { said: 'a', by: 'b' }),
    // @ts-expect-error: a value where none belongs
    () => text('error.no_route', { path: '/' }),
    // @ts-expect-error: a sentence
    () => needsText('You may not.'),
    // @ts-expect-error: a key and values that nobody checked
    () => needsText({ key: 'error.no_route', values: {} }),
    // @ts-expect-error: a sentence for an error
    () => new GatewayError('no_route', { detail: 'It leads nowhere.' }),
    // @ts-expect-error: a translation of what does not exist
    () => translation({ 'error.no_such_code': 'Nichts' }),
    // @ts-expect-error: a placeholder that English does not have
    () => translation({ 'detail.provider_said': 'Es sagte: {gesagt}' }),
  ];
  t.equal(attempts.length, 10);
  const key: TextKey = 'error.no_route';
  t.equal(needsText(text(key)).key, key);
});
