import { test } from 'tap';
import { checkTree, type SourceTree } from './check-tree.ts';

const texts: SourceTree = {
  'pages/texts/en.ts':
    "export const en = { 'error.no_route': 'It leads nowhere.', 'detail.said': 'It said: {said}' } as const;\n",
  'pages/texts/languages.ts': "import { en } from './en.ts';\n",
  'errors.ts': "import { text } from './pages/texts/text.ts';\nconst sentence = text(`error.${code}`);\n",
  'identity/failure.ts':
    "throw new GatewayError('no_route', { detail: text('detail.said', { said: error.description }) });\n",
};

test('texts by their keys, and words for operators, programs and the log, are allowed', async (t) => {
  const files = {
    ...texts,
    'commands/check.ts': "console.log('The configuration is valid.');\n",
    'identity/login/start.ts':
      "// A sentence in a comment.\nparts.log.warn({ why }, 'This is for the log.');\nemit({ kind: 'login-late', reason: 'It came late.' });\nconst reason = 'the login has expired';\n",
    'identity/login/step-up.ts':
      "const challenge = { description: 'The sign-in is not strong enough' };\nthrow new GatewayError('no_route', { cause: new Error('It did not work.') });\n",
    'identity/bearer/verify.ts': "throw new TokenRejected('The token has expired');\n",
    'forward/head.ts':
      "const head = `HTTP/1.1 ${status} Switching Protocols`;\nconst allowed = 'Origin, Access-Control-Request-Method';\nconst challenge = 'Bearer error=\"invalid_request\"';\n",
    'pages/html.ts':
      'const html = `<p class="detail">${words(message)}</p><style>${style}</style><img alt="" src="${icon}">`;\n',
    'routes/resolve.ts':
      "const key = text(isOwn ? 'error.no_route' : 'detail.said', { said: names.join(', ') });\n",
  };
  t.same(await checkTree(t, 'check-texts', files), { status: 0, found: [] });
});

const forbidden: [what: string, file: string, line: string, message: string][] = [
  ['a sentence', 'request/failure.ts', "const detail = 'You are not allowed here.';", 'has the words'],
  ['a question', 'identity/logout/ask.ts', "const title = 'Sign out?';", 'has the words'],
  ['a label', 'request/failure.ts', "const action = { label: 'Sign in again' };", 'has the words'],
  ['a template', 'routes/hosts.ts', 'const detail = `It answers for ${host}`;', 'has the words'],
  ['what begins with a value', 'routes/resolve.ts', 'fail(`${odd} is not an escape.`);', 'has the words'],
  ['what goes on behind a value', 'routes/a.ts', "fail(path + ' is no place.');", 'has the words'],
  ['small letters', 'session/a.ts', "const detail = 'there is no session.';", 'has the words'],
  ['another language', 'session/a.ts', "const detail = '로그인';", 'has the words'],
  ['an umlaut', 'session/a.ts', "const label = 'Zurück';", 'has the words'],
  ['a body', 'listen/a.ts', "response.end('Not found here');", 'has the words'],
  [
    'a body of one word',
    'request/a.ts',
    "const answer = { status: 403, headers, body: 'forbidden' };",
    'has a body',
  ],
  ['a word with a hyphen', 'identity/a.ts', "const name = label ?? 'Single sign-on';", 'has the words'],
  [
    'a detail of an error',
    'routes/a.ts',
    "throw new GatewayError('no_route', { detail: 'It leads nowhere.' });",
    'has the words',
  ],
  ['protocol English elsewhere', 'request/a.ts', "deny('The token lacks a scope');", 'has the words'],
  ['a whole sentence among them', 'identity/bearer/a.ts', "fail('It came twice over.');", 'has the words'],
  ['a word in HTML', 'pages/html.ts', 'const line = `<p class="or">or</p>`;', 'in HTML'],
  ['a word at an end of HTML', 'pages/html.ts', "const line = '<p>Welcome';", 'in HTML'],
  ['an attribute', 'pages/html.ts', 'const line = `<img alt="logo" src="${a}">`;', 'in HTML'],
  ['a word as a value', 'routes/a.ts', "text('detail.said', { said: 'nothing' });", 'gives a text the value'],
  [
    'a part of a value',
    'routes/a.ts',
    "text('detail.said', { said: `nothing of ${name}` });",
    'gives a text the value',
  ],
  ['a cast', 'request/a.ts', "const label = { key: 'a' } as unknown as Text;", 'is cast to Text'],
  ['a cast for operators', 'commands/a.ts', 'const texts = words as Texts;', 'is cast to Texts'],
  [
    'another name of the function',
    'request/a.ts',
    "import { text as t } from '../pages/texts/text.ts';",
    'gives text another name',
  ],
  [
    'a language read by itself',
    'request/a.ts',
    "import { en } from '../pages/texts/en.ts';",
    'imports ../pages',
  ],
];

for (const [what, file, line, message] of forbidden) {
  test(`found and refused: ${what}`, async (t) => {
    const { status, found } = await checkTree(t, 'check-texts', { ...texts, [file]: `\n${line}\n` });
    t.equal(status, 1);
    t.equal(found.length, 1, found.join('\n'));
    t.match(found[0], `src/${file}:2 `);
    t.match(found[0], message);
  });
}

test('found and refused: a text that nobody uses', async (t) => {
  const { status, found } = await checkTree(t, 'check-texts', { ...texts, 'identity/failure.ts': '' });
  t.equal(status, 1);
  t.match(found, [/^src\/pages\/texts\/en\.ts:1 detail\.said: nobody uses this text/]);
});
