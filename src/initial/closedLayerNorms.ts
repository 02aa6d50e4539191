/** Below this a layer norm passes so little of what came before it that training stalled in the runs of docs/results/multi30k.md. */
const leastOpen = 0.1;

/**
 * The layer norms that learned scales have nearly closed. In a post-LN model every sublayer's output, the residual stream included, goes
 * through one: a gain of 0.01 leaves the next layer next to nothing of it, forward and backward.
 *
 * @param scales by name of the parameter, 1 where it is as drawn
 * @returns those below 0.1, the least first
 */
export function nearlyClosedLayerNorms(scales: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(scales)
      .filter(([name, scale]) => name.endsWith('layer_norm.weight') && Math.abs(scale) < leastOpen)
      .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b)),
  );
}
