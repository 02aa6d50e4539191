/**
 * One padded batch of sentence pairs as plain arrays; the model turns it into tensors.
 *
 * Sources and targets end with `eosId`; `trgIn` is `eosId` followed by the target without its last token
 * (fairseq's `prev_output_tokens`). All rows are padded on the right with `padId`.
 */
export interface Batch {
  /** Row numbers in the dataset, in batch order [B]. */
  readonly indices: Int32Array;
  /** B: sentence pairs. */
  readonly numSentences: number;
  /** S: padded source length in tokens. */
  readonly srcLength: number;
  /** T: padded target length in tokens. */
  readonly trgLength: number;
  /** [B * S] ids, row-major. */
  readonly src: Int32Array;
  /** [B * T] ids, row-major. */
  readonly trgIn: Int32Array;
  /** [B * T] ids, row-major. */
  readonly trgOut: Int32Array;
  /** Non-pad tokens on each side (with `eosId`). */
  readonly srcTokens: number;
  readonly trgTokens: number;
}
