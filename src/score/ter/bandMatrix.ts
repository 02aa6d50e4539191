import { Edit } from './edit.js';

/** Tercom's beam: cells up to this distance from the diagonal are computed. */
export const beamWidth = 25;
const unreachable = 1e9;

/**
 * The matrix of edit distances between the starts of a hypothesis and of a reference, within tercom's beam around the
 * diagonal.
 *
 * A rearrangement differs from the current hypothesis only between two positions. Rows of the matrix before the first
 * are those of the current hypothesis; and once a row after the last is equal too, so is the distance.
 */
export class BeamMatrix {
  private readonly minColumn: Int32Array;
  private readonly endColumn: Int32Array;
  private readonly current: Int32Array;
  private readonly trial: Int32Array;
  private readonly edits: Uint8Array;

  /**
   * @param n words of the hypothesis
   * @param ref words as numbers
   */
  constructor(
    private readonly n: number,
    private readonly ref: readonly number[],
  ) {
    const m = ref.length;
    const ratio = n > 0 ? m / n : 1;
    // where lengths differ a lot, rows would not overlap without this
    const beam = beamWidth < ratio / 2 ? Math.ceil(ratio / 2 + beamWidth) : beamWidth;
    this.minColumn = new Int32Array(n + 1);
    this.endColumn = new Int32Array(n + 1).fill(m + 1);
    for (let i = 1; i <= n; i++) {
      const diagonal = Math.floor(i * ratio);
      this.minColumn[i] = Math.max(0, diagonal - beam);
      if (i < n) this.endColumn[i] = Math.min(m + 1, diagonal + beam);
    }
    // cells outside the beam are never written and stay unreachable
    this.current = new Int32Array((n + 1) * (m + 1)).fill(unreachable);
    this.trial = new Int32Array((n + 1) * (m + 1)).fill(unreachable);
    this.edits = new Uint8Array((n + 1) * (m + 1));
    for (let j = 0; j <= m; j++) {
      this.current[j] = j;
      this.trial[j] = j;
      this.edits[j] = Edit.refOnly;
    }
  }

  /** Makes `hyp` the current hypothesis. @returns its distance */
  setCurrent(hyp: readonly number[]): number {
    const { n, current, edits, ref } = this;
    const m = ref.length;
    for (let i = 1; i <= n; i++) {
      const row = i * (m + 1);
      const above = row - (m + 1);
      for (let j = this.minColumn[i]; j < this.endColumn[i]; j++) {
        if (j === 0) {
          current[row] = current[above] + 1;
          edits[row] = Edit.hypOnly;
          continue;
        }
        const same = hyp[i - 1] === ref[j - 1];
        // tercom's preference among equals: keep or substitute, hypothesis word, reference word
        let cost = current[above + j - 1] + (same ? 0 : 1);
        let edit = same ? Edit.keep : Edit.substitute;
        if (current[above + j] + 1 < cost) {
          cost = current[above + j] + 1;
          edit = Edit.hypOnly;
        }
        if (j > this.minColumn[i] && current[row + j - 1] + 1 < cost) {
          cost = current[row + j - 1] + 1;
          edit = Edit.refOnly;
        }
        current[row + j] = cost;
        edits[row + j] = edit;
      }
    }
    return current[n * (m + 1) + m];
  }

  /** The edits of the current hypothesis, from the start of the line. */
  path(): Edit[] {
    const path: Edit[] = [];
    let i = this.n;
    let j = this.ref.length;
    while (i > 0 || j > 0) {
      const edit: Edit = this.edits[i * (this.ref.length + 1) + j];
      path.push(edit);
      if (edit !== Edit.refOnly) i--;
      if (edit !== Edit.hypOnly) j--;
    }
    return path.reverse();
  }

  /**
   * Distance of a rearrangement of the current hypothesis.
   *
   * @param hyp differs from the current hypothesis only at positions `first` to `end - 1`
   */
  distance(hyp: readonly number[], first: number, end: number): number {
    const { n, current, trial, ref } = this;
    const m = ref.length;
    const stride = m + 1;
    let from = current; // row `first` holds for the rearrangement as well
    for (let i = first + 1; i <= n; i++) {
      const row = i * stride;
      const above = row - stride;
      const minColumn = this.minColumn[i];
      const endColumn = this.endColumn[i];
      const word = hyp[i - 1];
      let left = unreachable;
      let j = minColumn;
      let diagonal = j > 0 ? from[above + j - 1] : unreachable;
      let equal = i >= end;
      for (; j < endColumn; j++) {
        const up = from[above + j];
        let cost = diagonal + (j > 0 && word === ref[j - 1] ? 0 : 1);
        if (up + 1 < cost) cost = up + 1;
        if (left + 1 < cost) cost = left + 1;
        if (cost > unreachable) cost = unreachable;
        trial[row + j] = cost;
        if (equal && cost !== current[row + j]) equal = false;
        left = cost;
        diagonal = up;
      }
      if (equal) return current[n * stride + m];
      from = trial;
    }
    return from[n * stride + m];
  }
}
