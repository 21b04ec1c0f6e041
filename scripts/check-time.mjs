import { readSource, report, walk } from './read-source.mjs';

/**
 * Holds that time, timers and chance come in as arguments: only src/clock.ts and src/random.ts take them from the
 * runtime. `setImmediate` is no timer: it waits for the turn, not for time.
 *
 *     node scripts/check-time.mjs [folder]
 */

const ofClock = 'time and timers come from a Clock (src/clock.ts)';
const ofRandom = 'chance comes from a Random (src/random.ts)';

/** What is taken by a name of its own. */
const globals = { setTimeout: ofClock, setInterval: ofClock, performance: ofClock };
/** What is taken from an object that is there everywhere. */
const members = {
  'Date.now': ofClock,
  'Math.random': ofRandom,
  'AbortSignal.timeout': ofClock,
  'process.hrtime': ofClock,
  'process.uptime': ofClock,
  'globalThis.setTimeout': ofClock,
  'globalThis.setInterval': ofClock,
  'globalThis.performance': ofClock,
};
/** What is imported. */
const modules = {
  'node:timers': ofClock,
  'node:timers/promises': ofClock,
  'node:perf_hooks': ofClock,
};
const homes = { [ofClock]: 'clock.ts', [ofRandom]: 'random.ts' };

report(
  readSource().flatMap(({ file, program, lineOf }) => {
    const found = [];
    walk(program, (node, above) => {
      const taken = takenBy(node, above.at(-1));
      if (taken && homes[taken.rule] !== file)
        found.push(`src/${file}:${lineOf(node.start)} uses ${taken.name}: ${taken.rule}.`);
    });
    return found;
  }),
);

/** What a node takes from the runtime, and the rule that is about it; undefined for nothing. */
function takenBy(node, parent) {
  switch (node.type) {
    case 'ImportDeclaration':
      return rule(modules, node.source.value);
    case 'NewExpression':
      return isDate(node.callee) && node.arguments.length === 0
        ? { name: 'new Date()', rule: ofClock }
        : undefined;
    case 'CallExpression':
      return isDate(node.callee) ? { name: 'Date()', rule: ofClock } : undefined;
    case 'MemberExpression':
      return node.object.type === 'Identifier'
        ? rule(members, `${node.object.name}.${nameOfMember(node)}`)
        : undefined;
    case 'Identifier':
      return isName(node, parent) ? undefined : rule(globals, node.name);
    case 'VariableDeclarator':
      return takenApart(node);
  }
}

/** `const { now } = Date` takes what `Date.now` does. */
function takenApart({ id, init }) {
  if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return undefined;
  for (const { key } of id.properties) {
    const found = key && rule(members, `${init.name}.${key.name}`);
    if (found) return found;
  }
}

function rule(table, name) {
  return Object.hasOwn(table, name) ? { name, rule: table[name] } : undefined;
}

function isDate({ type, name }) {
  return type === 'Identifier' && name === 'Date';
}

function nameOfMember({ computed, property }) {
  return computed ? property.value : property.name;
}

/** The name of a member, a key or a method, such as `socket.setTimeout`: it takes nothing. */
function isName(node, parent) {
  if (parent?.type === 'MemberExpression') return parent.property === node && !parent.computed;
  return parent !== undefined && parent.key === node && !parent.computed && parent.shorthand !== true;
}
