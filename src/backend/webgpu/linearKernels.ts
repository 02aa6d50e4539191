import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  linearGradKernel,
  linearKernel,
  linearsGradKernel,
  linearsKernel,
  type LinearAttrs,
  type LinearsAttrs,
} from '../ops/kernels.js';
import { registerGpuKernel } from './gpuKernel.js';
import { runProducts, type Product } from './products.js';
import type { GpuBackend } from './webGpuBackend.js';
import { drawUniforms, keptCode, keptCodeOf } from './wgsl.js';

/** WGSL of an element of a tensor by its index. */
type Element = (index: string) => string;

/** x Wᵀ. @param outSize of type u32 */
const forwardProduct = (outSize: string, weight: Element, store: string, parameters?: readonly string[]): Product => ({
  name: 'forward',
  ...(parameters && { parameters }),
  rows: 'given.rows',
  columns: outSize,
  terms: [
    {
      depth: 'given.inSize',
      a: { value: 'x[row * given.inSize + k]', along: 'k' },
      b: { value: weight('column * given.inSize + k'), along: 'k' },
    },
  ],
  store,
});

/** The gradient of x: dy W, added up over layers. */
const ofInputProduct = (
  layers: readonly { readonly outSize: string; readonly dy: Element; readonly weight: Element }[],
): Product => ({
  name: 'ofInput',
  rows: 'given.rows',
  columns: 'given.inSize',
  terms: layers.map(({ outSize, dy, weight }) => ({
    depth: outSize,
    a: { value: dy(`row * ${outSize} + k`), along: 'k' },
    b: { value: weight('k * given.inSize + column'), along: 'other' },
  })),
  store: 'dx[row * given.inSize + column] = value;',
});

/** The gradients of a weight and its bias: dyᵀ x, and the sums of dy. */
const ofWeightProduct = (
  outSize: string,
  dy: Element,
  stores: Pick<Product, 'store' | 'storeRowSum' | 'parameters'>,
): Product => ({
  name: 'ofWeight',
  rows: outSize,
  columns: 'given.inSize',
  terms: [
    {
      depth: 'given.rows',
      a: { value: dy(`k * ${outSize} + row`), along: 'other' },
      b: { value: 'x[k * given.inSize + column]', along: 'other' },
    },
  ],
  ...stores,
});

/** Linear layers: one program forward and one backward, also for several layers of one input. */
export function registerLinearKernels(backend: GpuBackend): void {
  const output = (shape: number[]): TensorInfo => backend.makeTensorInfo(shape, 'float32');

  registerGpuKernel<{ x: TensorInfo; weight: TensorInfo; bias?: TensorInfo }, LinearAttrs>(
    linearKernel,
    ({ x, weight, bias }, { relu, dropout }) => {
      const [rows, inSize] = x.shape;
      const [outSize] = weight.shape;
      const y = output([rows, outSize]);
      const draw = drawUniforms(dropout);
      runProducts(backend, {
        key: `${linearKernel} ${bias !== undefined} ${relu} ${dropout !== undefined}`,
        code: () => keptCodeOf(dropout),
        products: () => [
          forwardProduct(
            'given.outSize',
            (index) => `weight[${index}]`,
            `var result = value${bias ? ' + bias[column]' : ''};
      ${relu ? 'result = select(result, 0.0, result < 0.0);' : ''}
      let element = row * given.outSize + column;
      y[element] = result${dropout ? ' * kept(element)' : ''};`,
          ),
        ],
        calls: [{ name: 'forward', rows, columns: outSize }],
        outputs: { y },
        inputs: { x, weight, ...(bias && { bias }) },
        integers: { rows, inSize, outSize, ...draw.integers },
        floats: draw.floats,
      });
      return y;
    },
  );

  registerGpuKernel<{ dy: TensorInfo; x: TensorInfo; weight: TensorInfo; y?: TensorInfo }, LinearAttrs>(
    linearGradKernel,
    ({ dy, x, weight, y }, { relu, dropout, hasBias }) => {
      const [rows, inSize] = x.shape;
      const [outSize] = weight.shape;
      const [dx, dWeight] = [output(x.shape), output(weight.shape)];
      const dBias = hasBias ? output([outSize]) : undefined;
      const draw = relu ? drawUniforms(undefined) : drawUniforms(dropout);
      // with ReLU an element passed it and the dropout exactly if y > 0
      const passed = relu
        ? 'fn passed(i: u32) -> f32 { return select(0.0, dy[i] * given.scale, y[i] > 0.0); }'
        : `fn passed(i: u32) -> f32 { return dy[i]${dropout ? ' * kept(i)' : ''}; }`;
      const ofDy: Element = (index) => `passed(${index})`;
      runProducts(backend, {
        key: `${linearGradKernel} ${hasBias} ${relu} ${dropout !== undefined}`,
        code: () => `${!relu && dropout ? keptCode : ''}${passed}\n`,
        products: () => [
          ofInputProduct([{ outSize: 'given.outSize', dy: ofDy, weight: (index) => `weight[${index}]` }]),
          ofWeightProduct('given.outSize', ofDy, {
            store: 'dWeight[row * given.inSize + column] = value;',
            ...(hasBias && { storeRowSum: 'dBias[row] = value;' }),
          }),
        ],
        calls: [
          { name: 'ofInput', rows, columns: inSize },
          { name: 'ofWeight', rows: outSize, columns: inSize },
        ],
        outputs: { dx, dWeight, ...(dBias && { dBias }) },
        inputs: { dy, x, weight, ...(relu && { y: y! }) },
        integers: { rows, inSize, outSize, ...draw.integers },
        floats: { scale: dropout ? 1 / (1 - dropout.rate) : 1, ...draw.floats },
      });
      return dBias ? [dx, dWeight, dBias] : [dx, dWeight];
    },
  );

  registerGpuKernel<TensorInfo[], LinearsAttrs>(linearsKernel, ([x, ...parameters], { count }) => {
    const [rows, inSize] = x.shape;
    const weights = parameters.slice(0, count);
    const pack = backend.pack(parameters);
    const y = backend.makePack(weights.map(({ shape: [outSize] }) => [rows, outSize]));
    runProducts(backend, {
      key: `${linearsKernel} ${count}`,
      code: () => '',
      products: () => [
        forwardProduct(
          'outSize',
          (index) => `pack[weight + ${index}]`,
          'y[to + row * outSize + column] = value + pack[bias + column];',
          ['outSize', 'weight', 'bias', 'to'],
        ),
      ],
      calls: weights.map(({ shape: [outSize] }, i) => ({
        name: 'forward',
        rows,
        columns: outSize,
        arguments: [outSize, pack.offsets[i], pack.offsets[count + i], y.offsets[i]],
      })),
      outputs: { y },
      inputs: { x, pack },
      integers: { rows, inSize },
    });
    return [...y.tensors];
  });

  registerGpuKernel<TensorInfo[], LinearsAttrs>(linearsGradKernel, ([x, ...rest], { count }) => {
    const [rows, inSize] = x.shape;
    const weight = backend.pack(rest.slice(0, count));
    const dy = backend.pack(rest.slice(count));
    const outSizes = weight.tensors.map(({ shape: [outSize] }) => outSize);
    const dx = output(x.shape);
    const changes = backend.makePack([
      ...outSizes.map((outSize) => [outSize, inSize]),
      ...outSizes.map((outSize) => [outSize]),
    ]);
    runProducts(backend, {
      key: `${linearsGradKernel} ${count}`,
      code: () => '',
      products: () => [
        ofInputProduct(
          outSizes.map((_, i) => ({
            outSize: `given.outSize${i}`,
            dy: (index) => `dy[given.dy${i} + ${index}]`,
            weight: (index) => `weight[given.weight${i} + ${index}]`,
          })),
        ),
        ofWeightProduct('outSize', (index) => `dy[dyAt + ${index}]`, {
          parameters: ['outSize', 'dyAt', 'toWeight', 'toBias'],
          store: 'changes[toWeight + row * given.inSize + column] = value;',
          storeRowSum: 'changes[toBias + row] = value;',
        }),
      ],
      calls: [
        { name: 'ofInput', rows, columns: inSize },
        ...outSizes.map((outSize, i) => ({
          name: 'ofWeight',
          rows: outSize,
          columns: inSize,
          arguments: [outSize, dy.offsets[i], changes.offsets[i], changes.offsets[count + i]],
        })),
      ],
      outputs: { dx, changes },
      inputs: { x, weight, dy },
      integers: Object.fromEntries([
        ['rows', rows],
        ['inSize', inSize],
        ...outSizes.flatMap((outSize, i) => [
          [`outSize${i}`, outSize],
          [`dy${i}`, dy.offsets[i]],
          [`weight${i}`, weight.offsets[i]],
        ]),
      ]),
    });
    return [dx, ...changes.tensors];
  });
}
