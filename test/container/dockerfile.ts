/** One instruction of a Dockerfile: its name in capitals, and what follows it on the same logical line. */
export interface Instruction {
  name: string;
  rest: string;
}

/** From one FROM to the next. */
export interface Stage {
  /** The image that it starts from, such as `node:24.21.0-bookworm-slim`. */
  base: string;
  /** What `AS` calls it. */
  name: string | undefined;
  instructions: Instruction[];
}

/** Splits a Dockerfile into its stages. Throws on whatever comes before the first FROM. */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  for (const { name, rest } of instructionsOf(text)) {
    if (name === 'FROM') {
      const [base = '', , stage] = rest.split(/\s+/);
      stages.push({ base, name: stage, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (!stage) throw new Error(`${name} before the first FROM`);
    stage.instructions.push({ name, rest });
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const uncommented = text.replace(/^[ \t]*#.*\n/gm, '').replace(/\\[ \t]*\n/g, ' ');
  return uncommented
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [name = ''] = line.split(/\s/, 1);
      return { name: name.toUpperCase(), rest: line.slice(name.length).trim() };
    });
}

/** The words of an exec form, a JSON array of strings. Throws on a shell form: that would need a shell. */
export function execForm(text: string): string[] {
  const words: unknown = text.startsWith('[') ? JSON.parse(text) : undefined;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new Error(`not in exec form: ${text}`);
  }
  return words;
}

/** `NAME=value NAME="value with spaces"`, as ENV and LABEL have it. */
export function assignments(text: string): Record<string, string> {
  const found = text.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S*))/g);
  return Object.fromEntries([...found].map(([, name, quoted, bare]) => [String(name), quoted ?? bare ?? '']));
}
