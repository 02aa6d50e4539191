import type { AblationData, RunData } from '../src/ablation/ablationData.js';
import { tensorPlace } from '../src/ablation/ablationData.js';
import { summarizeAblation } from '../src/ablation/ablationResults.js';
import type { GradientSample } from '../src/run/gradientRecord.js';

const tensors = ['encoder.embed_tokens.weight', 'encoder.layers.0.fc1.weight', 'decoder.layers.0.fc1.weight'];

/** Gradients whose norms are `size` and whose variance is its square. */
const gradients = (size: number): GradientSample => ({
  loss: 7,
  tensors: tensors.map((name, i) => ({
    name,
    size: 4,
    normL1: size,
    normL2: size * (i + 1),
    meanNormL2: size,
    variance: size ** 2,
    weightNormL2: 1,
  })),
});

/**
 * Arms with two seeds over a grid of 2 x 2; the second arm diverges at the higher rate, and by default has a hostile
 * name.
 */
export function ablationSample(names: readonly string[] = ['warmup', 'no <b>warmup</b> & "more"']): AblationData {
  const axes = [
    { key: 'train.lr', values: [0.001, 0.01] },
    { key: 'train.beta2', values: [0.9, 0.98] },
  ];
  const arms = names.map((name) => ({
    name,
    settings: {},
    differences: name === names[0] ? [] : ['train.warmupInitLr: -1'],
  }));
  const runs = arms.flatMap(({ name }, a) =>
    axes[0].values.flatMap((lr) =>
      axes[1].values.flatMap((beta2) =>
        [1, 2].map((seed): RunData => {
          const diverged = a === 1 && lr === 0.01;
          const loss = 3 + a + lr * 10 + seed / 10;
          const valid = [10, 20].map((update) => ({
            update,
            epoch: 1,
            loss: loss + 1 / update,
            nll: loss,
            perplexity: Math.exp(loss),
            bleu: update,
            best: update === 20,
            seconds: update,
            samples: [{ src: `<i>source</i>`, ref: 'a b', hyp: `a <i>at ${update}</i>` }],
          }));
          const last = { update: 20, epoch: 1, loss: loss + 0.05, nll: loss, perplexity: Math.exp(loss), bleu: 20 };
          return {
            key: `${a}/${lr},${beta2}/seed-${seed}`,
            arm: name,
            cell: { 'train.lr': lr, 'train.beta2': beta2 },
            seed,
            state: diverged ? 'diverged' : 'finished',
            updates: diverged ? 5 : 20,
            maxUpdates: 20,
            configYaml: `seed: ${seed}\n`,
            valid: diverged ? [] : valid,
            train: [5, 10, 15, 20].map((update) => ({
              update,
              epoch: 1,
              loss: loss + 10 / update,
              nll: loss,
              lr,
              gradNormL2: 1 / update,
              trgTokensPerSecond: 1000,
              seconds: update,
            })),
            updateRatios: {
              tensors,
              samples: [1, 2, 3].map((update) => ({ update, ratios: [0.1 / update, null, 0.3 / update] })),
            },
            gradients: { batches: 2, ...(a === 1 && { drawn: gradients(2) }), start: gradients(1) },
            ...(a === 1 && {
              learned: {
                method: 'gradinit',
                tensors: tensors.map((tensor, i) => ({ ...tensorPlace(tensor), scale: [0.5, 0, -2][i] })),
                iterations: [],
              },
            }),
            scores: {
              status: diverged ? 'diverged' : 'finished',
              backend: 'cpu',
              updates: diverged ? 5 : 20,
              epochs: 1,
              trgTokens: 100,
              trainSeconds: 10,
              initSeconds: a,
              unigramNll: 6,
              ...(diverged
                ? { diverged: { update: 5, message: 'loss NaN' } }
                : {
                    firstEpoch: last,
                    best: last,
                    last,
                    test: {
                      bleu: 30 - 10 * a + seed,
                      signature: 'nrefs:1',
                      precisions: [1, 1, 1, 1],
                      bp: 1,
                      sysLen: 1,
                      refLen: 1,
                      checkpoint: 'best',
                      seconds: 1,
                    },
                  }),
            } as RunData['scores'],
          };
        }),
      ),
    ),
  );
  return {
    ...summarizeAblation({ baseline: names[0], seeds: [1, 2], axes, arms } as never, runs),
    name: 'sample',
    budget: 20,
    runs,
    samples: [{ line: 1, src: 'ein Hund', ref: 'a dog', hyps: { '0/0.001,0.9/seed-1': 'a cat' } }],
  };
}
