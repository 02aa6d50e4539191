/** One way to continue a hypothesis. */
export interface Candidate {
  /** Log-probability of the hypothesis with this token. */
  readonly total: number;
  /** Log-probability of this token. */
  readonly logProb: number;
  /** Which hypothesis of the sentence. */
  readonly hypothesis: number;
  readonly token: number;
}

/**
 * The best continuations seen so far, best first. Of equal ones the earlier seen stands first.
 *
 * A continuation costs one comparison unless it is among the best; sorting all hypotheses times vocabulary would dominate
 * a decoding step.
 */
export class TopCandidates {
  private readonly totals: Float64Array;
  private readonly logProbs: Float64Array;
  private readonly hypotheses: Int32Array;
  private readonly tokens: Int32Array;
  private size = 0;

  /** @param capacity how many are kept */
  constructor(private readonly capacity: number) {
    this.totals = new Float64Array(capacity);
    this.logProbs = new Float64Array(capacity);
    this.hypotheses = new Int32Array(capacity);
    this.tokens = new Int32Array(capacity);
  }

  clear(): void {
    this.size = 0;
  }

  /**
   * Considers the tokens `from` to `to - 1` as continuations of one hypothesis.
   * @param logits holds the logit of token 0 at `start`
   * @param logNormaliser logarithm of the sum of all tokens' exponentiated logits
   * @param score the hypothesis' total log-probability so far
   */
  consider(logits: Float32Array, start: number, from: number, to: number, logNormaliser: number, score: number, hypothesis: number): void {
    let bar = this.barForLogits(score - logNormaliser);
    for (let token = from; token < to; token++) {
      const logit = logits[start + token];
      if (logit > bar) {
        this.insert(score + (logit - logNormaliser), logit - logNormaliser, hypothesis, token);
        bar = this.barForLogits(score - logNormaliser);
      }
    }
  }

  /** Best first. */
  list(): Candidate[] {
    return Array.from({ length: this.size }, (_, i) => ({
      total: this.totals[i], logProb: this.logProbs[i], hypothesis: this.hypotheses[i], token: this.tokens[i],
    }));
  }

  /** What a logit must exceed to enter: the worst kept total, less what is added to every logit of the hypothesis. */
  private barForLogits(offset: number): number {
    return this.size < this.capacity ? -Infinity : this.totals[this.size - 1] - offset;
  }

  private insert(total: number, logProb: number, hypothesis: number, token: number): void {
    if (this.size === this.capacity && total <= this.totals[this.size - 1]) return; // above the bar by rounding only
    let at = this.size < this.capacity ? this.size++ : this.capacity - 1;
    for (; at > 0 && this.totals[at - 1] < total; at--) {
      this.totals[at] = this.totals[at - 1];
      this.logProbs[at] = this.logProbs[at - 1];
      this.hypotheses[at] = this.hypotheses[at - 1];
      this.tokens[at] = this.tokens[at - 1];
    }
    this.totals[at] = total;
    this.logProbs[at] = logProb;
    this.hypotheses[at] = hypothesis;
    this.tokens[at] = token;
  }
}
