import { dispose, tensor, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { valueAndGradients } from './autodiff/valueAndGradients.js';
import { labelSmoothedCrossEntropy } from './ops/crossEntropy.js';
import { residualLayerNorm } from './ops/layerNorm.js';
import { readValues } from './readValues.js';
import { linear } from './ops/linear.js';

const [rows, width, inner, vocabulary, layers] = [1024, 256, 1024, 4000, 4];

/**
 * Seconds that the current backend takes for loss and gradients of a small stack of layers: products, normalisation and
 * cross-entropy at the sizes of training, and many small operations between them, which decide on a GPU. The best of
 * three after one that compiles.
 */
export async function measureStep(): Promise<number> {
  const numbers = (...shape: number[]): Tensor => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tensor(
      Float32Array.from({ length: size }, (_, i) => 0.05 * Math.sin(12.9898 * (i + 1))),
      shape,
    );
  };
  const params = new Map<string, Tensor>([['embedding', numbers(vocabulary, width)]]);
  for (let layer = 0; layer < layers; layer++) {
    params.set(`up ${layer}`, numbers(inner, width));
    params.set(`up bias ${layer}`, numbers(inner));
    params.set(`down ${layer}`, numbers(width, inner));
    params.set(`down bias ${layer}`, numbers(width));
    params.set(`gain ${layer}`, numbers(width));
    params.set(`shift ${layer}`, numbers(width));
  }
  const input = numbers(rows, width);
  const targets = tensor(
    Int32Array.from({ length: rows }, (_, i) => (7 * i) % vocabulary),
    [rows],
    'int32',
  );
  const step = async (): Promise<number> => {
    const started = performance.now();
    const { value, gradients } = valueAndGradients((p) => {
      let x = input;
      for (let layer = 0; layer < layers; layer++) {
        const of = (name: string): Tensor => p.get(`${name} ${layer}`)!;
        const hidden = linear(x, of('up'), of('up bias'), { relu: true });
        x = residualLayerNorm(x, linear(hidden, of('down'), of('down bias')), of('gain'), of('shift'), 1e-5);
      }
      const loss = labelSmoothedCrossEntropy(x, p.get('embedding')!, targets, { labelSmoothing: 0.1, padId: 1 });
      return loss.lossSum as Scalar;
    }, params);
    // the gradient of the first layer is made last
    await readValues([value, gradients.get('up 0')!]);
    dispose([value, ...gradients.values()]);
    return (performance.now() - started) / 1000;
  };
  await step();
  let best = Infinity;
  for (let i = 0; i < 3; i++) best = Math.min(best, await step());
  dispose([input, targets, ...params.values()]);
  return best;
}
