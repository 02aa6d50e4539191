/**
 * A map from byte strings to numbers as a double array, in the layout of Darts-clone (Yata 2012), which SentencePiece
 * models hold. Equal subtrees are stored once.
 *
 * A unit holds a label (or, with bit 31 set, a value), whether a value follows, and the distance to its children: the
 * children of the node at `p` are at `p ^ offset ^ label`, its value at `p ^ offset`.
 */
export class ByteTrie {
  constructor(readonly units: Uint32Array) {}

  /** @param entries keys without the byte 0; values below 2^31 */
  static build(entries: Iterable<readonly [key: Uint8Array, value: number]>): ByteTrie {
    return new ByteTrie(layOut(minimalGraph(entries)));
  }

  /**
   * The longest start of `bytes.subarray(from)` that is a key; `length` 0 if none is. @param shortest the shortest one
   */
  longestMatch(bytes: Uint8Array, from: number, shortest = false): { length: number; value: number } {
    const { units } = this;
    let best = { length: 0, value: -1 };
    let at = offsetOf(units[0]);
    for (let i = from; i < bytes.length; i++) {
      at ^= bytes[i];
      const unit = units[at];
      if (at >= units.length || (unit & labelMask) >>> 0 !== bytes[i]) break;
      at ^= offsetOf(unit);
      if (unit & hasValue) best = { length: i + 1 - from, value: units[at] & 0x7fffffff };
      if (shortest && best.length > 0) break;
    }
    return best;
  }
}

const labelMask = 0x800000ff;
const hasValue = 1 << 8;

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
}

interface Node {
  /** -1: none. */
  readonly value: number;
  /** By ascending label. */
  readonly children: readonly (readonly [label: number, node: number])[];
}

/**
 * Nodes of the smallest acyclic graph with these entries, children before parents; the last is the root.
 * Source: Daciuk et al. 2000, for sorted keys: nodes after the common prefix do not change any more.
 */
function minimalGraph(entries: Iterable<readonly [key: Uint8Array, value: number]>): Node[] {
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(a, b));
  const nodes: Node[] = [];
  const known = new Map<string, number>();
  /** The nodes of the current key; the last child of each but the last is the next. */
  const path: { value: number; children: [label: number, node: number][] }[] = [{ value: -1, children: [] }];
  const finish = (length: number): void => {
    while (path.length > length) {
      const node = path.pop()!;
      const identity = `${node.value};${node.children.join()}`;
      let id = known.get(identity);
      if (id === undefined) {
        id = nodes.push(node) - 1;
        known.set(identity, id);
      }
      if (path.length > 0) path[path.length - 1].children.at(-1)![1] = id;
    }
  };
  let previous: Uint8Array = new Uint8Array();
  for (const [key, value] of sorted) {
    let common = 0;
    while (common < previous.length && previous[common] === key[common]) common++;
    finish(common + 1);
    for (let i = common; i < key.length; i++) {
      path[i].children.push([key[i], -1]);
      path.push({ value: -1, children: [] });
    }
    path[key.length].value = value;
    previous = key;
  }
  finish(0);
  return nodes;
}

/** Finds a place for the children of every node. */
function layOut(nodes: readonly Node[]): Uint32Array {
  let taken = new Uint8Array(1 << 12);
  let units = new Uint32Array(1 << 12);
  let end = 1; // units in use, or that could be
  taken[0] = 1;
  const usedBases = new Set<number>();
  /**
   * Where the search for a base of this many labels continues: none was free before it. Bases that become free there
   * later are ignored.
   */
  const searchedTo = new Map<number, number>();
  const grow = (size: number): void => {
    if (size <= taken.length) return;
    const length = 2 ** Math.ceil(Math.log2(size));
    const more = { taken: new Uint8Array(length), units: new Uint32Array(length) };
    more.taken.set(taken);
    more.units.set(units);
    ({ taken, units } = more);
  };
  /** A base at which every label's unit is free; labels are below 256, so it is sought by the place of the first. */
  const findBase = (labels: readonly number[]): number => {
    for (let place = searchedTo.get(labels.length) ?? 1; ; place++) {
      grow(place + 512);
      if (taken[place]) continue;
      const base = place ^ labels[0];
      // 0 would point from the root to itself, which SentencePiece 0.2.3 refuses
      if (base === 0 || usedBases.has(base)) continue;
      let free = true;
      for (let i = 1; free && i < labels.length; i++) free = taken[base ^ labels[i]] === 0;
      if (free) {
        searchedTo.set(labels.length, place);
        return base;
      }
    }
  };
  const bases = new Int32Array(nodes.length).fill(-1);
  const place = (id: number): number => {
    if (bases[id] >= 0) return bases[id];
    const { value, children } = nodes[id];
    const labels = [...(value >= 0 ? [0] : []), ...children.map(([label]) => label)];
    const base = findBase(labels);
    bases[id] = base;
    usedBases.add(base);
    for (const label of labels) {
      taken[base ^ label] = 1;
      end = Math.max(end, (base ^ label) + 1);
    }
    if (value >= 0) units[base] = (value | 0x80000000) >>> 0;
    for (const [label, child] of children) {
      const at = base ^ label;
      const toChildren = pointer(at, place(child)); // replaces `units` when it grows
      units[at] = (label | toChildren | (nodes[child].value >= 0 ? hasValue : 0)) >>> 0;
    }
    return base;
  };
  const root = nodes.length - 1;
  const toFirst = pointer(0, place(root));
  units[0] = toFirst;
  // readers look at base ^ label for any label, so whole blocks of 256
  return units.slice(0, Math.ceil(end / 256) * 256);
}

/** The bits of a unit at `from` whose children's base is `to`. */
function pointer(from: number, to: number): number {
  const offset = from ^ to;
  if (offset < 1 << 21) return offset << 10;
  if ((offset & 0xff) === 0 && offset < 1 << 29) return (offset << 2) | (1 << 9);
  throw new Error(`trie of ${Math.max(from, to)} units is too large`);
}
