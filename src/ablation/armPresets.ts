import type { Config } from '../config/schema.js';

/** A way of starting, as a minimal set of changes to a configuration that trains with a warmup. */
export interface ArmPreset {
  readonly summary: string;
  /** Where it was published. */
  readonly source: string;
  readonly changes: (config: Config) => Readonly<Record<string, unknown>>;
}

/** Without a warmup: its updates run at the full rate, so that every later update has the baseline's rate. */
const atFullRate = { 'train.warmupInitLr': -1 };

/** SGD at the configuration's rate if that trains with SGD already, else at a rate for SGD. */
const withSgd = ({ train }: Config): Record<string, unknown> =>
  train.optimizer === 'sgd' ? {} : { 'train.optimizer': 'sgd', 'train.lr': sgdLr };

/** Rate of the SGD presets where the configuration trains with Adam; momentum stays the configuration's. */
const sgdLr = 0.1;

const robust = { 'gradinit.algorithm': 'adam', 'gradinit.variant': 'robust' };
const firstGradient = { 'train.secondMomentStart': 'first-gradient' };
const fromZeros = { 'train.secondMomentStart': 'zeros' };

const gradInitPaper = 'Zhu et al. 2021, GradInit (arXiv 2102.08098)';

/** The presets by name; `ablation.arms` uses them by `preset: NAME`. */
export const armPresets: Readonly<Record<string, ArmPreset>> = {
  warmup: { summary: 'learning-rate warmup', source: 'Vaswani et al. 2017, section 5.3', changes: () => ({}) },
  'no-warmup': {
    summary: 'the full rate from the first update',
    source: 'Xiong et al. 2020 (arXiv 2002.04745)',
    changes: () => atFullRate,
  },
  'short-warmup': {
    summary: 'a warmup of 2 / (1 - beta2) updates, then the full rate',
    source: 'Ma and Yarats 2019 (arXiv 1910.04209), the untuned linear warmup',
    changes: ({ train }) => {
      // before the baseline's rate falls, so that only the first updates differ from it
      const warmup = Math.min(Math.round(2 / (1 - train.beta2)), train.warmupUpdates + train.holdUpdates);
      return {
        'train.warmupUpdates': warmup,
        'train.holdUpdates': train.warmupUpdates + train.holdUpdates - warmup,
      };
    },
  },
  'gradinit-adam': {
    summary: "GradInit with A = Adam, in the configuration's variant",
    source: `after ${gradInitPaper}`,
    changes: () => ({ ...atFullRate, 'gradinit.algorithm': 'adam' }),
  },
  'gradinit-sgd': {
    summary: "GradInit with A = SGD, in the configuration's variant, training with Adam",
    source: `after ${gradInitPaper}`,
    changes: () => ({ ...atFullRate, 'gradinit.algorithm': 'sgd' }),
  },

  'gradinit-robust': {
    summary: 'GradInit of weights and rates, settings that need no tuning',
    source: `after ${gradInitPaper}; docs/results/gradinit-robust.md`,
    changes: () => ({ ...atFullRate, ...robust, ...fromZeros }),
  },
  cold: {
    summary: 'gradinit-robust and gi-adam together',
    source: 'docs/results/gradinit-robust.md',
    changes: () => ({ ...atFullRate, ...robust, ...firstGradient }),
  },

  'sgd-warmup': { summary: 'SGD with warmup', source: gradInitPaper, changes: withSgd },
  'sgd-no-warmup': {
    summary: 'SGD at the full rate from the first update',
    source: gradInitPaper,
    changes: (config) => ({ ...withSgd(config), ...atFullRate }),
  },
  'sgd-gradinit': {
    summary: "GradInit with A = SGD, in the configuration's variant, training with SGD",
    source: `after ${gradInitPaper}`,
    changes: (config) => ({ ...withSgd(config), ...atFullRate, 'gradinit.algorithm': 'sgd' }),
  },

  kaiming: {
    summary: 'Kaiming uniform initialisation',
    source: 'He et al. 2015 (arXiv 1502.01852), equation 10',
    changes: () => ({ ...atFullRate, 'init.method': 'kaiming' }),
  },
  xavier: {
    summary: 'Xavier uniform initialisation',
    source: 'Glorot and Bengio 2010, equation 16',
    changes: () => ({ ...atFullRate, 'init.method': 'xavier' }),
  },
  'extra-epoch-constant': {
    summary: 'one epoch at the full rate, then the schedule',
    source: `${gradInitPaper}, "+1 epoch (const. LR)"`,
    changes: () => ({ ...atFullRate, 'train.extraEpoch': 'constant' }),
  },
  'extra-epoch-warmup': {
    summary: 'one epoch of warmup, then the schedule',
    source: `${gradInitPaper}, "+1 epoch (linear LR)"`,
    changes: () => ({ ...atFullRate, 'train.extraEpoch': 'warmup' }),
  },
  'grad-cosine': {
    summary: 'scales that align the gradients of parts of a batch, at the norm of the drawn model',
    source: 'Yang et al. 2022, NIO (arXiv 2210.05956)',
    changes: () => ({
      ...atFullRate,
      'gradinit.algorithm': 'sgd', // for its L2 norm
      'gradinit.variant': 'released',
      'gradinit.goal': 'cosine',
      'gradinit.gammaShare': 1,
      'gradinit.iterations': 30,
      'gradinit.lr': 0.05,
    }),
  },
  metainit: {
    summary: 'MetaInit',
    source: 'Dauphin and Schoenholz 2019 (NeurIPS), Algorithm 1',
    changes: () => ({ ...atFullRate, 'metainit.iterations': 30 }),
  },
  't-fixup': {
    summary: 'T-Fixup: weights scaled by depth, no layer norms',
    source: 'Huang et al. 2020 (ICML), section 3.2',
    changes: () => ({ ...atFullRate, 'model.residual': 'none', 'init.method': 'tfixup' }),
  },
  admin: {
    summary: 'Admin: profiled residual scales',
    source: 'Liu et al. 2020 (arXiv 2004.08249), section 4',
    changes: () => ({ ...atFullRate, 'model.residual': 'admin' }),
  },
  deepnorm: {
    summary: 'DeepNorm: residuals up, weights down with depth',
    source: 'Wang et al. 2022 (arXiv 2203.00555), figure 2',
    changes: () => ({ ...atFullRate, 'model.residual': 'deepnorm', 'init.method': 'deepnorm' }),
  },
  'pre-ln-warmup': {
    summary: 'layer norms before the sublayers, with warmup',
    source: 'Xiong et al. 2020 (arXiv 2002.04745)',
    changes: () => ({ 'model.residual': 'pre-ln' }),
  },
  'pre-ln': {
    summary: 'layer norms before the sublayers, without warmup',
    source: 'Xiong et al. 2020 (arXiv 2002.04745)',
    changes: () => ({ ...atFullRate, 'model.residual': 'pre-ln' }),
  },
  radam: {
    summary: 'RAdam: the rate made up for the variance of the young second moment',
    source: 'Liu et al. 2020 (arXiv 1908.03265)',
    changes: () => ({ ...atFullRate, 'train.optimizer': 'radam' }),
  },
  'gi-adam': {
    summary: 'GI-Adam: second moment begins with the first squared gradient',
    source: 'Kalra and Barkeshli 2024 (arXiv 2406.09405)',
    changes: () => ({ ...atFullRate, ...firstGradient }),
  },
};
