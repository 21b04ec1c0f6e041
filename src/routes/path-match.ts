import { brokenEscape } from './decode.ts';
import { dotSegment } from './dot-segments.ts';
import { isPlain } from './plain.ts';
import { hiddenEscape, looseOverlong, readTokens } from './tokens.ts';
import { buildTrie } from './trie.ts';
import { walk } from './walk.ts';

/** Longer ones count wherever they may lead: reading them costs, and nobody needs them. */
const longestRead = 2048;

const inside = 1;
const outside = 0;
const nobodys = -1;

/** Whoever reads paths in whichever way: a request that one of them takes for a place below the path counts. */
const allReadings = { ignoreCase: true, parameters: 'any', encodedSlash: 'any' } as const;

/**
 * Tells whether a path is another one or below it, or is so to some server, by the walk that decides on routes. Where
 * that refuses to say, it counts: to spell a path oddly leads into a limit and never out of it.
 */
export function compilePathMatch(base: string): (path: string) => boolean {
  const lowered = base.toLowerCase();
  if (lowered === '/') return () => true;
  const below = `${lowered}/`;
  const trie = buildTrie([{ path: lowered, access: inside, rank: 0 }], { root: outside, own: nobodys });
  return (path) => {
    if (isPlain(path)) {
      const plain = path.toLowerCase();
      return plain === lowered || plain.startsWith(below);
    }
    if (path.length > longestRead || brokenEscape(path) >= 0) return true;
    const tokens = readTokens(path);
    if (dotSegment(tokens) >= 0 || hiddenEscape(tokens) >= 0 || looseOverlong(tokens) >= 0) return true;
    const reach = walk(trie, allReadings, tokens, []);
    return reach.kind !== 'one' || reach.access !== outside;
  };
}
