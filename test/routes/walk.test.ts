import { test } from 'tap';
import { withAccess } from '../../src/access/decide.ts';
import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { folded, foldPoint, other } from '../../src/routes/fold.ts';
import { resolveTarget } from '../../src/routes/resolve.ts';
import { compileRoutes } from '../../src/routes/table.ts';
import { upstreamPath } from '../../src/routes/upstream-path.ts';

interface RouteText {
  path?: string;
  [key: string]: unknown;
}

const open = { allow: 'public' };
const admins = { allow: [{ groups: ['admins'] }] };

function gatewayOf(routes: readonly RouteText[], more: Record<string, unknown> = {}) {
  const document = {
    publicUrl: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
    session: { secret: Buffer.alloc(32, 1).toString('base64') },
    routes: routes.map((route) => ({ upstream: 'http://app:1', ...route })),
    ...more,
  };
  const { config } = parseConfig(JSON.stringify(document), { file: 'c.json', env: {} });
  const table = compileRoutes(withAccess(config));
  /** The label of the route, `endpoint …`, or the code of the refusal; with a prefix off, what goes upstream. */
  return (path: string, { method = 'GET', host = 'app.example.com' } = {}): string => {
    try {
      const resolution = resolveTarget(
        table,
        config.endpoints.prefix,
        { path, query: '', host, hostname: host },
        method,
      );
      if (resolution.kind === 'endpoint') return `endpoint ${resolution.path}`;
      const { route } = resolution;
      const sent = upstreamPath(route, path);
      return `${route.label}${route.methods ? ` ${route.methods}` : ''}${sent === path ? '' : ` > ${sent}`}`;
    } catch (error) {
      if (error instanceof GatewayError) return error.code === 'ambiguous_path' ? 'refused' : error.code;
      throw error;
    }
  };
}

test('each odd token is refused where it makes a difference, and nowhere else', async (t) => {
  const land = gatewayOf([{ path: '/' }, { path: '/pub', ...open }, { path: '/pub/ad', ...admins }]);
  const oddities: [what: string, token: string][] = [
    ['an encoded slash', '%2f'],
    ['one that is encoded twice', '%252f'],
    ['one that is encoded at two depths', '%25%32f'],
    ['%u', '%u002f'],
    ['overlong UTF-8', '%c0%af'],
    ['of three bytes', '%e0%80%af'],
    ['of four', '%f0%80%80%af'],
    ['as bytes', '\xc0\xaf'],
    ['C0 with an ASCII byte', '%c0/'],
    ['C1 with an ASCII byte that makes a backslash', '%c1%5c'],
    ['a backslash', '\\'],
    ['an encoded backslash', '%5c'],
    ['a division slash', '%e2%88%95'],
    ['a fraction slash', '%e2%81%84'],
    ['a yen sign', '%c2%a5'],
    ['a won sign', '%e2%82%a9'],
    ['a fullwidth slash', '%ef%bc%8f'],
    ['a parameter', ';v=1'],
    ['an encoded semicolon', '%3b'],
    ['a NUL', '%00'],
    ['a line break', '%0a'],
    ['a tab', '%09'],
    ['C1 control', '%c2%85'],
    ['an encoded question mark', '%3f'],
    ['an encoded hash', '%23'],
    ['a dot at the end', '.'],
    ['a run of dots', '...'],
    ['a blank', '%20'],
    ['a no-break space', '%c2%a0'],
    ['an ideographic space', '%e3%80%80'],
    ['a plus', '+'],
    ['an invalid byte', '%ff'],
    ['a zero-width space', '%e2%80%8b'],
  ];
  for (const [what, token] of oddities) {
    t.equal(land(`/pub/ad${token}`), 'refused', `${what} behind the name of a route`);
    t.equal(land(`/pub/x${token}y`), '/pub', `${what} elsewhere`);
    t.equal(land(`/pub/ad/x${token}`), '/pub/ad', `${what} below the route`);
  }
  for (const path of [
    '/pub/%20ad',
    '/pub/+ad',
    '/pub/%00ad',
    '/pub//ad',
    '/%70ub/ad',
    '/pub/Ad',
    '/pub/%41d',
  ]) {
    t.equal(land(path), 'refused', path);
  }
  for (const path of ['/pub/%ef%bd%81d', '/pub/%c1ad', '/pub%2fad', '/PUB/x']) {
    t.equal(land(path), 'refused', path);
  }
});

test('a host at the start of a path may vanish, and only there', async (t) => {
  const land = gatewayOf([
    { path: '/', ...open },
    { path: '/admin', ...admins },
  ]);
  for (const path of [
    '//x/admin',
    '/\\x/admin',
    '/%2fx/admin',
    '/%09/x/admin',
    '/;/x/admin',
    '///x@y:80/admin',
  ]) {
    t.equal(land(path), 'refused', path);
  }
  t.equal(land('//x/y'), '/');
  t.equal(land('/y//x/admin'), '/');
});

test('dots are refused as segments, in every spelling, and are letters elsewhere', async (t) => {
  const land = gatewayOf([
    { path: '/', ...open },
    { path: '/admin', ...admins },
  ]);
  const dots = [
    '.',
    '..',
    '%2e',
    '%2e.',
    '%252e%252e',
    '%u002e',
    '%c0%ae',
    '%ef%bc%8e',
    '..;x',
    '.%00',
    '..%20',
    '+..',
  ];
  for (const dot of [...dots, '..%3f', '%e2%80%8b..', '..%ff', '.%0a.', '..%c0%af', '..%5c', '%e2%80%a5']) {
    t.equal(land(`/x/${dot}/y`), 'refused', dot);
    t.equal(land(`/x/${dot}`), 'refused', `${dot} at the end`);
  }
  for (const name of ['...', '.x', '..x', 'x..', 'U.S.', '.NET', 'a..b', '.well-known', '%e2%80%a6']) {
    t.equal(land(`/x/${name}/y`), '/', name);
  }
});

test('broken escapes, and those that appear when something is removed, are refused where rules differ', async (t) => {
  const land = gatewayOf([
    { path: '/', ...open },
    { path: '/admin', ...admins },
  ]);
  for (const path of ['/x%', '/x%2', '/x%zz', '/x%u00', '/x%252%0af', '/x%25%ef%bc%92f', '/%ef%bc%852f']) {
    t.equal(land(path), 'refused', path);
  }
  for (const path of ['/50%25', '/50%25off', '/x%2525', '/%uD55C%uAE00']) t.equal(land(path), '/', path);
});

test('a host of one rule lets everything through but what may be one of the gateway’s endpoints', async (t) => {
  const land = gatewayOf([{ path: '/' }]);
  for (const path of [
    '/x/../y',
    '/%',
    '/a%2f..',
    '//x',
    '/;',
    '/A',
    '/%00',
    '/x/../../y',
    '/oauth2x',
    '/a/oauth2',
  ]) {
    t.equal(land(path), '/', path);
  }
  for (const path of [
    '/x/../oauth2/start',
    '/x/..%2foauth2',
    '/x/..;/oauth2',
    '/OAuth2',
    '/oauth2%2fstart',
  ]) {
    t.equal(land(path), 'refused', path);
  }
  for (const path of [
    '/oauth2/st%61rt',
    '/oauth2//start',
    '/oauth2/start;x',
    '/oauth2;/start',
    '//x/oauth2/start',
  ]) {
    t.equal(land(path), 'refused', path);
  }
  t.equal(land('/oauth2/start'), 'endpoint /oauth2/start');
  t.equal(
    land('/oauth2/Start'),
    'endpoint /oauth2/Start',
    'which there is none of, and which nobody else answers',
  );
});

test('where no route is, is a rule of its own', async (t) => {
  const land = gatewayOf([{ path: '/app', ...open }]);
  t.equal(land('/app/../x'), 'refused');
  t.equal(land('/app%2fx'), 'refused');
  t.equal(land('/x'), 'no_route');
  t.equal(land('/x%20y'), 'no_route');
  t.equal(land('/app/a%2fb'), '/app');
});

test('a route is told by its own spelling', async (t) => {
  const land = gatewayOf([
    { path: '/', ...open },
    { path: '/Admin', ...admins },
  ]);
  t.equal(land('/Admin/x'), '/Admin');
  t.equal(land('/admin/x'), 'refused');
  t.equal(land('/other'), '/');
});

test('without its prefix, a path is read again as the application reads it', async (t) => {
  const land = gatewayOf([
    { path: '/app', stripPrefix: true, ...open },
    { path: '/app/admin', rewrite: '/admin', ...admins },
    { path: '/old', rewrite: '/new/place', ...open },
    { path: '/oauth2x', ...open },
  ]);
  t.equal(land('/app/x%20y/z'), '/app > /x%20y/z');
  t.equal(land('/app/admin/a%2fb'), '/app/admin > /admin/a%2fb');
  t.equal(land('/old/a%2fb'), '/old > /new/place/a%2fb');
  for (const path of [
    '/app/\\x/admin',
    '/app//x/admin',
    '/app/%2fx/admin',
    '/app/%09/x/admin',
    '/app/x/../y',
  ]) {
    t.equal(land(path), 'refused', path);
  }
  for (const path of ['/%61pp/x', '/app%2fx', '/app/admin;x', '/old/../x', '/App/x', '/app/;/x/admin']) {
    t.equal(land(path), 'refused', path);
  }
});

test('two routes that differ in where they lead are of two rules, and those that lead to the same are of one', async (t) => {
  const moved = gatewayOf([{ path: '/' }, { path: '/app', stripPrefix: true }]);
  t.equal(moved('/app%2fx'), 'refused');
  const same = gatewayOf([
    { path: '/app', stripPrefix: true },
    { path: '/app/x', rewrite: '/x', upstream: 'http://b:1' },
  ]);
  t.equal(same('/app/x%2fy'), '/app > /x%2fy');
});

test('what the configuration says of the applications is not in doubt', async (t) => {
  const routes = [
    { path: '/', ...open },
    { path: '/admin', ...admins },
  ];
  const ignoring = gatewayOf(routes, { paths: { ignoreCase: true } });
  t.equal(ignoring('/ADMIN/x'), '/admin');
  t.equal(ignoring('/%41dmin'), 'refused', 'it is still not decoded by everybody');
  t.equal(ignoring('/Other/%20'), '/');
  const stripping = gatewayOf(routes, { paths: { parameters: 'strip' } });
  t.equal(stripping('/admin;jsessionid=A/x'), '/admin');
  t.equal(stripping('/x;y'), '/');
  t.equal(stripping('/admin%3bx'), 'refused');
  const separating = gatewayOf(routes, { paths: { encodedSlash: 'separator' } });
  t.equal(separating('/admin%2fx'), '/admin');
  t.equal(separating('/admin%252fx'), 'refused');
  t.equal(separating('/x%2fadmin'), '/');
});

test('hosts may be told apart in that', async (t) => {
  const routes = [
    { path: '/', ...open },
    { path: '/admin', ...admins },
  ];
  const paths = {
    hosts: { 'wiki.example.com': { ignoreCase: true }, '*.java.example': { parameters: 'strip' } },
  };
  const land = gatewayOf(routes, { paths });
  t.equal(land('/Admin'), 'refused');
  t.equal(land('/Admin', { host: 'wiki.example.com' }), '/admin');
  t.equal(land('/admin;x', { host: 'wiki.example.com' }), 'refused');
  t.equal(land('/admin;x', { host: 'a.b.java.example' }), '/admin');
  t.equal(land('/Admin', { host: 'a.java.example' }), 'refused');
});

test('with ignoreCase, a prefix is taken off in either case', async (t) => {
  const land = gatewayOf([{ path: '/app', stripPrefix: true, ...open }], { paths: { ignoreCase: true } });
  t.equal(land('/APP/X'), '/app > /X');
  t.equal(land('/APP/x%20'), '/app > /x%20');
});

test('GET covers HEAD, unless a route names HEAD', async (t) => {
  const land = gatewayOf([
    { path: '/' },
    { path: '/a', methods: ['GET'], ...open },
    { path: '/b', methods: ['GET'], ...open },
    { path: '/b', methods: ['HEAD'], ...admins },
  ]);
  t.equal(land('/a', { method: 'HEAD' }), '/a GET');
  t.equal(land('/a', { method: 'POST' }), '/');
  t.equal(land('/b', { method: 'HEAD' }), '/b HEAD');
  t.equal(land('/b', { method: 'GET' }), '/b GET');
  t.equal(land('/a%2fx', { method: 'HEAD' }), 'refused');
  t.equal(land('/a%2fx', { method: 'POST' }), '/', 'where all have one rule');
});

test('an exact host stands above wildcards and none, in every reading', async (t) => {
  const land = gatewayOf([
    { path: '/' },
    { path: '/admin', ...admins },
    { host: 'app.example.com', path: '/admin/open', ...open },
    { host: '*.example.com', path: '/wild', ...open },
  ]);
  t.equal(land('/admin/open%2fx'), 'refused');
  t.equal(land('/admin/open%2fx', { host: 'other.org' }), '/admin');
  t.equal(land('/wild;x'), 'refused');
  t.equal(land('/wild;x', { host: 'other.org' }), '/');
  t.equal(land('/wild/%20', { host: 'b.example.com' }), '*.example.com/wild');
});

test('a path over 8 KiB passes if nothing in it is odd', async (t) => {
  const land = gatewayOf([{ path: '/' }]);
  t.equal(land(`/${'x%20y'.repeat(3000)}`), '/');
  t.equal(land(`/${'x/'.repeat(5000)}`), '/');
  t.equal(land(`/${'x;'.repeat(5000)}`), 'refused');
  t.equal(land(`/${'%2f'.repeat(3000)}`), 'refused');
});

test('what folds into ASCII is known for all of Unicode', async (t) => {
  const missed: string[] = [];
  for (let point = 0x80; point <= 0x10_ffff; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    // Marks and what is ignored beyond the first plane are no part of any name.
    const text = foldPoint(point).replace(/\x80[^/\\;?#]*/g, other);
    if (text !== '' && text !== other && folded(point) !== text) missed.push(point.toString(16));
  }
  t.strictSame(missed, []);
});
