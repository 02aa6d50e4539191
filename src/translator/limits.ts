/** Lines that a stream reads before they are translated together. */
export const defaultBufferLines = 10_000;
/** Longest line in tokens, the end mark included. */
export const defaultMaxSourceTokens = 1024;
/** Longest line that is scored, in tokens: attention's memory grows with the square of a line's length. */
export const maxScoredTokens = 10_000;
