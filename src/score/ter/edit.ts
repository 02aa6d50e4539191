/** The edit that leads to a cell of the matrix: word kept, replaced, only in the hypothesis, only in the reference. */
export const enum Edit {
  keep,
  substitute,
  hypOnly,
  refOnly,
}
