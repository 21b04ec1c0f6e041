import { test } from 'tap';
import { compilePathMatch } from '../../src/routes/path-match.ts';

const takes = compilePathMatch('/api/login');

test('a limit is met by every spelling of its path that some server reads as that', (t) => {
  for (const path of [
    '/api/login',
    '/api/login/',
    '/api/login/now',
    '/API/Login',
    '/api//login',
    '//api/login',
    '/api/%6cogin',
    '/api/%6Cogin',
    '/api/%256cogin',
    '/api%2flogin',
    '/api%2Flogin',
    '/api%5clogin',
    '/api\\login',
    '/api/login;v=1',
    '/api;v=1/login',
    '/api/./login',
    '/api/x/../login',
    '/x/..;/api/login',
    '/api/%2e/login',
    '/api/login%00',
    '/api/login%00.png',
    '/api/login%20',
    '/api/login.',
    '/api/login%3fx',
    '/api/login%23',
    '/api/%u006cogin',
    '/api/%c0%6cogin',
    '/api/%c1%acogin',
    '/api/%e0%81%acogin',
    '/api/log%c4%b1n'.replace('%c4%b1', '%69'),
    '/api/%ef%bd%8cogin',
    '/api/lo%0agin',
    '/api/login%',
    '/api/%2%35%32login',
    `/api/${'%6c'}ogin?`.slice(0, -1),
    `/x${'%41'.repeat(3000)}`,
  ])
    t.ok(takes(path), path.slice(0, 60));
  t.end();
});

test('what nobody reads as that path does not count', (t) => {
  for (const path of [
    '/',
    '/api',
    '/api/',
    '/api/logins',
    '/apis/login',
    '/x/api/login',
    '/caf%c3%a9',
    '/a%20b',
    '/log/in',
  ])
    t.notOk(takes(path), path);
  t.end();
});

test('the start page is every path', (t) => {
  const all = compilePathMatch('/');
  for (const path of ['/', '/x', '/%', '/..']) t.ok(all(path), path);
  t.end();
});
