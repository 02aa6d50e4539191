/** How a cell of the edit matrix is reached: word kept, replaced, only in the hypothesis, only in the reference. */
export const enum Edit {
  keep,
  substitute,
  hypOnly,
  refOnly,
}
