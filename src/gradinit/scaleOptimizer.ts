/** The one of GradInit's two goals that an iteration served. */
export type Branch = 'constraint' | 'objective';

/** Kinds of tensors with their own bounds and rates; `fixed` ones keep a scale of 1. */
export type TensorGroup = 'weight' | 'bias' | 'layer_norm' | 'fixed';

/** Moves scales along their gradients. */
export interface ScaleOptimizer {
  /**
   * @param scales one per tensor, changed in place
   * @param gradients derivative of the iteration's goal by each scale; null for tensors that are all zero
   */
  update(scales: Float64Array, gradients: readonly (number | null)[], branch: Branch): void;
}

/** Scales the authors' released program moves: Adam with bounds per group. */
export interface ReleasedScaleOptions {
  readonly lr: number;
  /** Rate of layer-norm scales. */
  readonly layerNormLr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Least scale of weights and layer norms. */
  readonly minScale: number;
  /** Least scale of layer norms; default: minScale. */
  readonly layerNormMinScale?: number;
  /** Least scale of biases; 0 lets them vanish, and then they stay 0. */
  readonly biasMinScale: number;
  /** Largest scale of weights and biases; default: no bound. */
  readonly maxScale?: number;
  /** Largest scale of layer norms. */
  readonly layerNormMaxScale: number;
  /** Bound on the size of each scale's gradient. */
  readonly gradClip: number;
  /**
   * Whether a step is added to a scale s (default, as the authors' program) or multiplies it: then Adam moves log s,
   * along s times the derivative by s, and no scale reaches zero.
   */
  readonly scaleStep?: ScaleStep;
}

export type ScaleStep = (typeof scaleSteps)[number];
export const scaleSteps = ['add', 'multiply'] as const;

/**
 * Adam on the scales, with separate moments and step counts for each branch: gradients of the norm and of the loss
 * differ by orders of magnitude and would spoil each other's averages. With `scaleStep: multiply` it is Adam on their
 * logarithms.
 *
 * Source: RescaleAdam of the GradInit authors' released program.
 */
export function releasedScaleOptimizer(groups: readonly TensorGroup[], options: ReleasedScaleOptions): ScaleOptimizer {
  const newState = () => groups.map(() => ({ step: 0, first: 0, second: 0 }));
  const state = { constraint: newState(), objective: newState() };
  const { beta1, beta2, eps, gradClip, minScale, maxScale = Infinity, scaleStep = 'add' } = options;
  const least = {
    weight: minScale,
    layer_norm: options.layerNormMinScale ?? minScale,
    bias: options.biasMinScale,
    fixed: 1,
  };
  return {
    update(scales, gradients, branch) {
      gradients.forEach((unclipped, i) => {
        if (unclipped === null) return;
        const derivative = scaleStep === 'multiply' ? scales[i] * unclipped : unclipped;
        const gradient = Math.min(Math.max(derivative, -gradClip), gradClip);
        const moments = state[branch][i];
        moments.step++;
        moments.first = beta1 * moments.first + (1 - beta1) * gradient;
        moments.second = beta2 * moments.second + (1 - beta2) * gradient * gradient;
        const mean = moments.first / (1 - beta1 ** moments.step);
        const deviation = Math.sqrt(moments.second / (1 - beta2 ** moments.step));
        const isLayerNorm = groups[i] === 'layer_norm';
        const step = ((isLayerNorm ? options.layerNormLr : options.lr) * mean) / (deviation + eps);
        const moved = scaleStep === 'multiply' ? scales[i] * Math.exp(-step) : scales[i] - step;
        const most = isLayerNorm ? options.layerNormMaxScale : maxScale;
        scales[i] = Math.min(Math.max(moved, least[groups[i]]), most);
      });
    },
  };
}

/** The plain descent of the paper's Algorithm 1. */
export interface PaperScaleOptions {
  /** tau: rate of descent. */
  readonly lr: number;
  /** Least scale of every tensor. */
  readonly minScale: number;
}

/**
 * Plain gradient descent with a lower bound.
 * Source: Zhu et al. 2021 (arXiv 2102.08098), Algorithm 1, lines 5, 9 and 11.
 */
export function paperScaleOptimizer({ lr, minScale }: PaperScaleOptions): ScaleOptimizer {
  return {
    update(scales, gradients) {
      gradients.forEach((gradient, i) => {
        if (gradient !== null) scales[i] = Math.max(scales[i] - lr * gradient, minScale);
      });
    },
  };
}
