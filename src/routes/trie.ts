/**
 * A trie of paths, character by character, as flat arrays: a walk goes on, out or back in it for each character of
 * a request. Each node knows the access of a path that ends there, and of a path that leaves the trie there.
 */
export interface Trie {
  /** First child and next sibling; 0 for none, since node 0 is the root. */
  child: Int32Array;
  sibling: Int32Array;
  /** The character that leads to the node as routes spell it, and without its case. */
  symbol: Uint8Array;
  folded: Uint8Array;
  /** The access of a path that ends here, by its number. */
  end: Int32Array;
  /** The access of a path that goes on to where no route is. */
  beyond: Int32Array;
  /** Whether the node stands at the start of a segment. */
  starts: Uint8Array;
  /** Whether every path from here on has one access. */
  leaf: Uint8Array;
  /** Whether routes have more than one access here; the gateway's own endpoints do not count. */
  isSplit: boolean;
  /** The starts of segments, to which a dot segment may lead back; none where dot segments are refused. */
  segments: readonly number[];
  /** The step of a walk in which each position was last entered, see walk.ts. */
  stamps: Int32Array;
  step: number;
}

/** A place in the tree of a host. */
export interface Place {
  path: string;
  /** The number of its access. */
  access: number;
  /** The smallest rank wins, wherever it stands: an exact host before a wildcard. */
  rank: number;
  /** Whether it is that path alone, and not what is below it. */
  isExact?: boolean;
}

interface Node {
  symbol: string;
  children: Map<string, Node>;
  places: Place[];
}

/** Room for the positions that a walk can have at one node: four ways to stand there, after C0, C1 or neither. */
export const waysToStand = 16;

/**
 * @param root the access where no place is
 * @param own the access of the gateway's own endpoints
 */
export function buildTrie(places: readonly Place[], { root, own }: { root: number; own: number }): Trie {
  const top: Node = { symbol: '/', children: new Map(), places: [] };
  for (const place of places) insert(top, place);

  const flat: number[][] = [];
  const found = new Set<number>();
  const add = (node: Node, end: Standing, beyond: Standing, starts: boolean): number => {
    for (const { access } of [end, beyond]) if (access !== own) found.add(access);
    const row = [0, 0, node.symbol.charCodeAt(0), end.access, beyond.access, starts ? 1 : 0, 1];
    flat.push(row);
    let previous = 0;
    for (const next of node.children.values()) {
      const start = flat.length;
      const isSegment = next.symbol === '/';
      const below = isSegment ? belowOf(node, beyond) : beyond;
      const isSame = add(next, best(next.places, below), below, isSegment) === end.access;
      // What differs in nothing from leaving the trie does not have to be in it.
      if (isSame && end.access === beyond.access && flat.length === start + 1) {
        flat.length = start;
        continue;
      }
      if (previous === 0) row[0] = start;
      else (flat[previous] as number[])[1] = start;
      previous = start;
    }
    const isLeaf = previous === 0 && end.access === beyond.access;
    row[6] = isLeaf ? 1 : 0;
    return isLeaf ? end.access : -1;
  };
  const outside: Standing = { access: root, rank: Number.POSITIVE_INFINITY };
  const atRoot = best(top.places, outside);
  add(
    top,
    atRoot,
    best(
      top.places.filter(({ isExact }) => !isExact),
      outside,
    ),
    true,
  );

  const column = (index: number) => flat.map((row) => row[index] as number);
  const symbols = Uint8Array.from(column(2));
  return {
    child: Int32Array.from(column(0)),
    sibling: Int32Array.from(column(1)),
    symbol: symbols,
    folded: symbols.map(lower),
    end: Int32Array.from(column(3)),
    beyond: Int32Array.from(column(4)),
    starts: Uint8Array.from(column(5)),
    leaf: Uint8Array.from(column(6)),
    isSplit: found.size > 1,
    segments: found.size > 1 ? [] : flat.flatMap((row, node) => (row[5] === 1 && row[6] === 0 ? [node] : [])),
    stamps: new Int32Array(flat.length * waysToStand),
    step: 0,
  };
}

/** A letter of ASCII in lower case, any other character as it is. */
export const lower = (symbol: number): number => (symbol >= 0x41 && symbol <= 0x5a ? symbol + 32 : symbol);

type Standing = Pick<Place, 'access' | 'rank'>;

/** Of the places at one node and what stands above them, the one that takes a path. */
function best(places: readonly Place[], above: Standing): Standing {
  let found = above;
  // On one rank the deeper one wins, and these are deeper than what is above.
  for (const place of places) {
    if (place.rank < found.rank || (found === above && place.rank === above.rank)) found = place;
  }
  return found;
}

function belowOf(node: Node, above: Standing): Standing {
  return best(
    node.places.filter(({ isExact }) => !isExact),
    above,
  );
}

function insert(top: Node, place: Place): void {
  let node = top;
  for (const symbol of place.path.slice(1)) node = childOf(node, symbol);
  node.places.push(place);
  // What is below it begins behind a slash, whatever else is there.
  if (!place.isExact && place.path !== '/') childOf(node, '/');
}

function childOf(node: Node, symbol: string): Node {
  const known = node.children.get(symbol);
  if (known) return known;
  const made: Node = { symbol, children: new Map(), places: [] };
  node.children.set(symbol, made);
  return made;
}

/** A trie without a place. */
export const noTrie = buildTrie([], { root: 0, own: 0 });
