import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { assignments, execForm, type Instruction, parseDockerfile, type Stage } from './dockerfile.ts';

/** What a Dockerfile makes: a folder for the root file system, and how to run what is in it. */
export interface Image {
  /** The folder that stands for `/`. */
  root: string;
  base: string;
  workdir: string;
  env: Record<string, string>;
  labels: Record<string, string>;
  user: string;
  exposed: string[];
  entrypoint: string[];
  command: string[];
  healthcheck: string[];
}

/**
 * Carries out a Dockerfile without a container engine: each stage is a folder, RUN is this machine's shell
 * and Node in it. It knows the instructions that the project's Dockerfile uses, and throws on any other.
 * @param context the folder that is sent to the build, with its .dockerignore
 * @param into an empty folder for the stages
 */
export async function buildImage(context: string, into: string): Promise<Image> {
  const stages = parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'));
  const sent = await sendContext(context, join(into, 'context'));
  const built = new Map<string, Image>();
  let image: Image | undefined;
  for (const [index, stage] of stages.entries()) {
    const name = stage.name ?? String(index);
    image = await buildStage(stage, { root: join(into, name), context: sent, built });
    built.set(name, image);
  }
  if (!image) throw new Error('the Dockerfile has no stage');
  return image;
}

/** Where a path of the image is on this machine. */
export function pathIn(image: Image, path: string): string {
  return join(image.root, path.startsWith('/') ? path : join(image.workdir, path));
}

/** Copies what .dockerignore lets through: it must exclude everything and then name what is needed. */
async function sendContext(context: string, into: string): Promise<string> {
  const patterns = (await readFile(join(context, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (patterns[0] !== '*') throw new Error('.dockerignore must begin with *');
  for (const pattern of patterns.slice(1)) {
    if (!/^![\w./-]+$/.test(pattern)) throw new Error(`.dockerignore: ${pattern} is not understood here`);
    await cp(join(context, pattern.slice(1)), join(into, pattern.slice(1)), { recursive: true });
  }
  return into;
}

interface Surroundings {
  root: string;
  context: string;
  built: ReadonlyMap<string, Image>;
}

async function buildStage(stage: Stage, { root, context, built }: Surroundings): Promise<Image> {
  const image: Image = {
    root,
    base: stage.base,
    workdir: '/',
    env: {},
    labels: {},
    user: 'root',
    exposed: [],
    entrypoint: [],
    command: [],
    healthcheck: [],
  };
  // The base image is a Node image: Node is all that is used of it.
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  await cp(process.execPath, join(root, 'usr/local/bin/node'));
  for (const instruction of stage.instructions) await carryOut(instruction, image, { root, context, built });
  return image;
}

async function carryOut(
  { name, rest }: Instruction,
  image: Image,
  surroundings: Surroundings,
): Promise<void> {
  switch (name) {
    case 'WORKDIR':
      image.workdir = rest;
      await mkdir(pathIn(image, rest), { recursive: true });
      return;
    case 'COPY':
      await copy(rest.split(/\s+/), image, surroundings);
      return;
    case 'RUN':
      await runInStage(rest, image);
      return;
    case 'ENV':
      Object.assign(image.env, assignments(rest));
      return;
    case 'LABEL':
      Object.assign(image.labels, assignments(rest));
      return;
    case 'EXPOSE':
      image.exposed.push(...rest.split(/\s+/));
      return;
    case 'USER':
      image.user = rest;
      return;
    case 'ENTRYPOINT':
      image.entrypoint = execForm(rest);
      return;
    case 'CMD':
      image.command = execForm(rest);
      return;
    case 'HEALTHCHECK':
      image.healthcheck = execForm(rest.slice(rest.indexOf('CMD') + 'CMD'.length).trim());
      return;
    default:
      throw new Error(`${name} is not understood here`);
  }
}

async function copy(words: string[], image: Image, { context, built }: Surroundings): Promise<void> {
  const stageName = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const source = stageName === undefined ? context : built.get(stageName)?.root;
  const target = words.pop();
  if (source === undefined || target === undefined) throw new Error(`COPY from ${stageName} to ${target}`);
  for (const word of words) {
    const from = join(source, word);
    // A folder's contents go into the target; a file goes into it when it ends in a slash.
    const intoFolder = target.endsWith('/') && !(await stat(from)).isDirectory();
    const to = join(pathIn(image, target), intoFolder ? basename(word) : '');
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** RUN, with this machine's npm as it is set up here. */
async function runInStage(command: string, image: Image): Promise<void> {
  const env = { ...process.env, npm_config_prefer_offline: 'true', ...image.env };
  // The test runner puts itself into the Node of every child process; the image's build is not its business.
  const script = `unset NODE_OPTIONS\n${command}`;
  await promisify(execFile)('sh', ['-ec', script], { cwd: pathIn(image, '.'), env });
}

/** Every file of the image below a folder with its size and time of change, to see whether any is written. */
export async function fingerprint(image: Image, folder: string): Promise<string[]> {
  const top = pathIn(image, folder);
  const names = (await readdir(top, { recursive: true })).sort();
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(top, name));
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
}
