import { BeamMatrix, beamWidth } from './bandMatrix.js';
import { BitParallelDistance } from './bitParallelDistance.js';
import type { Edit } from './edit.js';

/**
 * A path of d edits strays from the diagonal by at most (d + difference of lengths) / 2. Where that stays within the
 * beam, the distance within the beam is the plain edit distance, and the cheapest paths are the same ones. The limit is
 * two less than the beam's width on each side, since its diagonal is rounded.
 */
const withinBeam = 2 * beamWidth - 4;

/**
 * Word edit distance between rearrangements of one hypothesis and a reference, looking only at a beam around the
 * diagonal, as tercom does. The matrix within the beam is filled only where the plain distance, which is much faster to
 * compute, may differ from it.
 */
export class BeamEditDistance {
  private readonly plain: BitParallelDistance;
  private readonly lengthDifference: number;
  private hyp: readonly number[] = [];
  private matrix: BeamMatrix | undefined;
  /** Whether the matrix holds the current hypothesis. */
  private matrixIsCurrent = false;

  /** @param ref words numbered from 0 to `numWords - 1`; negative ones are not in the hypothesis */
  constructor(
    private readonly hypLength: number,
    private readonly ref: readonly number[],
    numWords: number,
  ) {
    this.plain = new BitParallelDistance(hypLength, ref, numWords);
    this.lengthDifference = Math.abs(hypLength - ref.length);
  }

  /** Makes `hyp` the current hypothesis. It must not change until the next is. @returns its distance */
  setCurrent(hyp: readonly number[]): number {
    this.hyp = hyp;
    this.matrixIsCurrent = false;
    const distance = this.plain.setCurrent(hyp);
    return this.isWithinBeam(distance) ? distance : this.fillMatrix();
  }

  /** The edits of the current hypothesis, from the start of the line, by tercom's preferences. */
  path(): Edit[] {
    return this.matrixIsCurrent ? this.matrix!.path() : this.plain.path(this.hyp);
  }

  /**
   * Distance of a rearrangement of the current hypothesis.
   *
   * @param hyp differs from the current hypothesis only at positions `first` to `end - 1`
   */
  distance(hyp: readonly number[], first: number, end: number): number {
    const distance = this.plain.distance(hyp, first, end);
    if (this.isWithinBeam(distance)) return distance;
    if (!this.matrixIsCurrent) this.fillMatrix();
    return this.matrix!.distance(hyp, first, end);
  }

  private isWithinBeam(distance: number): boolean {
    return distance + this.lengthDifference <= withinBeam;
  }

  private fillMatrix(): number {
    this.matrix ??= new BeamMatrix(this.hypLength, this.ref);
    this.matrixIsCurrent = true;
    return this.matrix.setCurrent(this.hyp);
  }
}
