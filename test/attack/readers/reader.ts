import type { Application } from '../../support/applications/application.ts';
import { askAll, type Pace } from './wire.ts';

/** One port of a program, and how it is asked. */
export interface Mouth {
  name: string;
  port: number;
  pace?: Partial<Pace>;
}

/** A program that runs, and what it makes of request targets. */
export interface Program {
  mouths: readonly Mouth[];
  stop: Application['stop'];
}

/** The place of its tree that each reading serves; nothing for what it refuses. */
export type Readings = ReadonlyMap<string, string>;

/** A program to be started; one may read in several ways. */
export interface Reader {
  name: string;
  /** @param seed of what is made by chance in the program, if anything is */
  start(seed?: number): Promise<Program>;
}

const defaultPace: Pace = { connections: 4, pipelined: 32 };

/**
 * What a program makes of raw request targets, in their order. Its answer is the place, or a JSON object of
 * places by the name of the reading.
 */
export async function readTargets(program: Program, targets: readonly string[]): Promise<Readings[]> {
  const found = targets.map(() => new Map<string, string>());
  await Promise.all(
    program.mouths.map(async ({ name, port, pace }) => {
      const answers = await askAll(port, targets, { ...defaultPace, ...pace });
      for (const [index, answer] of answers.entries()) {
        if (answer?.status === 200) note(found[index], name, answer.body);
      }
    }),
  );
  return found;
}

function note(readings: Map<string, string> | undefined, name: string, body: string): void {
  // An empty body, or something that is no path, is nobody's place.
  if (body.startsWith('/')) readings?.set(name, belowRoot(body));
  if (!body.startsWith('{')) return;
  for (const [reading, place] of Object.entries(JSON.parse(body) as Record<string, string | null>)) {
    if (place?.startsWith('/')) readings?.set(`${name} ${reading}`, belowRoot(place));
  }
}

/** Some leave dots that climb over the root; nothing is there (RFC 3986 §5.2.4). */
const belowRoot = (place: string) => place.replace(/^(\/\.\.)+(?=\/|$)/, '') || '/';
