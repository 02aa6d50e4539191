/** One way to continue a hypothesis. */
export interface Candidate {
  /** Log-probability of the hypothesis with this token. */
  readonly total: number;
  /** Log-probability of this token. */
  readonly logProb: number;
  /** The number of the hypothesis within the sentence. */
  readonly hypothesis: number;
  readonly token: number;
}

/** The best continuations seen so far, best first. Of equal ones the one seen first comes first. */
export class TopCandidates {
  private readonly best: Candidate[] = [];

  /** @param capacity how many are kept */
  constructor(private readonly capacity: number) {}

  /** @returns whether the continuation is among the best so far */
  consider(total: number, logProb: number, hypothesis: number, token: number): boolean {
    const { best, capacity } = this;
    if (best.length === capacity) {
      if (!(total > best[capacity - 1].total)) return false;
      best.pop();
    }
    let at = best.length;
    while (at > 0 && best[at - 1].total < total) at--;
    best.splice(at, 0, { total, logProb, hypothesis, token });
    return true;
  }

  /** Best first. */
  list(): readonly Candidate[] {
    return this.best;
  }
}
