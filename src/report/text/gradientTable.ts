import type { AblationData, RunData } from '../../ablation/ablationData.js';
import { formatNumber } from '../../format.js';
import { gradientNorm, gradientVariance, relativeGradientVariance, type GradientMeasure } from './gradientMeasures.js';

/**
 * Gradients before training, of all tensors together: does learning parameters lower the gradient's variance over
 * batches, as GradInit's authors say? Next to the variance is its ratio to the squared norm of the mean gradient, since
 * smaller weights make both smaller.
 *
 * @returns head and rows, an arm each, geometric means over the seeds of its shown cell; empty if no run measured
 * gradients
 */
export function gradientTable(data: AblationData, shown: readonly (readonly RunData[])[]): string[][] {
  const rows = data.arms.flatMap(({ name }, i) => {
    const runs = shown[i].flatMap(({ gradients }) => gradients ?? []);
    if (runs.length === 0) return [];
    const learned = runs.flatMap(({ drawn, start }) => (drawn ? [{ drawn, start }] : []));
    const lower = learned.filter(
      ({ drawn, start }) => gradientVariance(start.tensors) < gradientVariance(drawn.tensors),
    ).length;
    const before = (of: GradientMeasure): string =>
      learned.length > 0 ? formatMean(learned.map(({ drawn }) => of(drawn.tensors))) : '';
    const after = (of: GradientMeasure): string => formatMean(runs.map(({ start }) => of(start.tensors)));
    return [
      [
        name,
        before(gradientNorm),
        after(gradientNorm),
        before(gradientVariance),
        after(gradientVariance),
        learned.length > 0 ? `${lower} of ${learned.length}` : '',
        before(relativeGradientVariance),
        after(relativeGradientVariance),
      ],
    ];
  });
  return rows.length === 0
    ? []
    : [
        [
          'arm',
          'norm as drawn',
          'norm',
          'variance as drawn',
          'variance',
          'lower in seeds',
          'relative as drawn',
          'relative variance',
        ],
        ...rows,
      ];
}

/** The description of the columns. */
export const gradientTableNote =
  'Of all tensors together, before training: L2 norm, mean over batches; variance over batches, summed over elements; relative variance: that by the squared norm of the mean gradient, which does not fall merely because weights are smaller. Geometric means over seeds.';

function formatMean(values: readonly number[]): string {
  return formatNumber(Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length));
}
