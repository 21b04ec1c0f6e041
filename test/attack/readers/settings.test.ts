import { test } from 'tap';
import { compose, findHoles } from './hunt.ts';
import { caddy } from './programs/caddy.ts';
import { nginx } from './programs/nginx.ts';
import { node } from './programs/node.ts';
import { tomcat } from './programs/tomcat.ts';

const total = 3000;
const strict = compose(1, total);

/** What the configuration may say of upstreams, and programs that read so. */
const settings = [
  { paths: { parameters: 'strip' }, reader: tomcat, reading: /servlet path$/ },
  { paths: { encodedSlash: 'separator' }, reader: nginx, reading: /./ },
  { paths: { ignoreCase: true }, reader: caddy, reading: /^path matchers$/ },
  { paths: { ignoreCase: true }, reader: node, reading: /^Express$/ },
];

for (const { paths, reader, reading } of settings) {
  test(`${JSON.stringify(paths)} lets more pass, and opens nothing to ${reader.name}, which reads so`, async (t) => {
    const more = compose(1, total, paths);
    t.ok(more.passing.length > strict.passing.length, `${more.passing.length} pass`);
    const program = await reader.start();
    t.teardown(() => program.stop());
    const holes = (await findHoles(program, more.passing)).filter((hole) => reading.test(hole.reading));
    t.strictSame(holes, []);
  });
}
