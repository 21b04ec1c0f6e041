import { importsOf, modulesOf, readSource, report } from './read-source.mjs';

/**
 * Holds the order of the folders in src. A file imports from its own folder, from folders below it in the list, from
 * the leaves, types of the configuration, and those of what listeners give. Types of other folders count like values.
 * What is Node's of HTTP stays with the listeners. It prints each import that breaks this.
 *
 *     node scripts/check-imports.mjs [folder]
 */

/** The story of a request, from the command line down. */
const order = [
  'main',
  'commands',
  'control',
  'gateway',
  'admin',
  'estate',
  'request',
  'plan',
  'config',
  'listen',
  'limits',
  'routes',
  'identity',
  'session',
  'access',
  'forward',
  'pages',
  'observe',
  'demo',
];

/** The same within a folder: its sub-folders, and files that stand alone. `*` is every other file and folder. */
const orderWithin = {
  identity: ['*', 'login', 'logout', 'browser', 'upstream-token', 'bearer', 'provider', 'tokens', 'claims'],
  session: ['open-sessions', 'people', 'sessions', 'refresh', 'stores', 'shared', '*'],
};

/** What everybody may import. It imports nothing of the project but leaves behind it in this list. */
const leaves = [
  'errors',
  'bounded',
  'client-network',
  'files',
  'blanks',
  'hkdf',
  'clock',
  'holdings',
  'random',
  'version',
  'pages/texts',
  'egress',
];

/** They decide by what they are given: whatever they use of others are types. */
const typesOnly = ['access', 'routes'];

/** Requests and their answers, as everybody may know them. Types only, so that nobody gets hold of a listener. */
const everybodysTypes = 'listen/inbound.ts';

/** Node's HTTP, a protocol a module. Behind the listeners there is none of them, so that another one changes nothing. */
const protocols = ['http', 'https', 'http2'];
const speakers = [
  'listen/',
  // A program of its own, which is no part of the gateway.
  'demo/',
  // It asks upstreams, and takes nothing in.
  'forward/send-handshake.ts',
  // It asks proxies for connections.
  'egress/open-tunnel.ts',
  // It asks the admin listener of a gateway, from another process.
  'commands/admin-client.ts',
];

report(
  readSource().flatMap((source) => {
    const { file } = source;
    const told = ({ line, target }, reason) =>
      reason ? [`src/${file}:${line} imports ${target}: ${reason}`] : [];
    return [
      ...importsOf(source).flatMap((found) => told(found, whyForbidden(file, found))),
      ...modulesOf(source).flatMap((found) => told(found, whyProtocolForbidden(file, found))),
    ];
  }),
);

function whyProtocolForbidden(file, { imported }) {
  if (!protocols.includes(imported) || speakers.some((speaker) => file.startsWith(speaker))) return undefined;
  return `only listen speaks HTTP with clients; types of requests are in src/${everybodysTypes}.`;
}

/** `src/routes/table.ts` belongs to `routes`, `src/main.ts` to `main`; a folder that is a leaf is a part of its own. */
function partOf(file) {
  const leaf = leaves.find((each) => file.startsWith(`${each}/`));
  if (leaf) return leaf;
  return file.split('/')[0].replace(/\.ts$/, '');
}

/** Why a file must not have this import, as a sentence; undefined when it may. */
function whyForbidden(file, { imported, kind }) {
  const from = partOf(file);
  const to = partOf(imported);
  if (imported.startsWith('../')) return 'src imports nothing outside of src.';
  if (from === to) return whyForbiddenWithin(from, file, imported);
  if (leaves.includes(from) && leaves.indexOf(to) < leaves.indexOf(from))
    return `${from} is a leaf and imports nothing but leaves behind it (${leaves.join(', ')}).`;
  for (const part of [from, to]) {
    if (!order.includes(part) && !leaves.includes(part))
      return `${part} has no place in the order of folders.`;
  }
  if (leaves.includes(to)) return undefined;
  if (typesOnly.includes(from) && kind !== 'type') return `${from} imports nothing but types.`;
  if ((to === 'config' || imported === everybodysTypes) && kind === 'type') return undefined;
  if (to === 'commands' && from !== 'main') return 'only main imports commands.';
  if (to === 'demo' && (file !== 'commands/demo.ts' || kind !== 'dynamic')) {
    return 'only commands/demo.ts imports demo, and that dynamically.';
  }
  if (from === 'forward' && (to === 'identity' || to === 'session')) return `forward never imports ${to}.`;
  return order.indexOf(to) > order.indexOf(from)
    ? undefined
    : `imports point down (${order.join(', ')}), and ${to} is above ${from}.`;
}

function whyForbiddenWithin(folder, file, imported) {
  const list = orderWithin[folder];
  if (!list) return undefined;
  const entryOf = (path) => {
    const name = path.split('/')[1].replace(/\.ts$/, '');
    return list.includes(name) ? name : '*';
  };
  const from = entryOf(file);
  const to = entryOf(imported);
  if (list.indexOf(from) <= list.indexOf(to)) return undefined;
  const nameOf = (entry) => (entry === '*' ? `the rest of ${folder}` : `${folder}/${entry}`);
  const names = list.map((entry) => (entry === '*' ? 'the rest' : entry));
  return `within ${folder} imports point down (${names.join(', ')}), and ${nameOf(to)} is above ${nameOf(from)}.`;
}
