/**
 * Below this gain a layer norm passes so little of its input that training stalled in the runs of
 * docs/results/multi30k.md.
 */
const leastOpen = 0.1;

/**
 * The layer norms that learned scales have nearly closed. In a post-LN model every sublayer's output, the residual
 * stream included, passes through one: a gain of 0.01 leaves almost nothing for the next layer, forward and backward.
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
