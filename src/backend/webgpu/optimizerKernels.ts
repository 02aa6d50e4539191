import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import {
  adamStepKernel,
  addIntoKernel,
  sgdStepKernel,
  squaredNormsKernel,
  type AdamStepAttrs,
  type SgdStepAttrs,
} from '../ops/kernels.js';
import { normBlock, numNormBlocks } from '../ops/normBlocks.js';
import { registerGpuKernel } from './gpuKernel.js';
import { bindableParts } from './packs.js';
import type { GpuBackend } from './webGpuBackend.js';
import { entryPoint, reduceCode, runProgram, threadHeader } from './wgsl.js';

type Inputs = Readonly<Record<string, TensorInfo>>;

const sizeOf = ({ shape }: TensorInfo): number => util.sizeFromShape(shape);

/** The optimisers' steps and the gradient norm: each for all tensors at once, which lie in packs of the same order. */
export function registerOptimizerKernels(backend: GpuBackend): void {
  registerGpuKernel<Inputs, AdamStepAttrs>(adamStepKernel, (inputs, attrs) => adamStep(backend, inputs, attrs));
  registerGpuKernel<Inputs, SgdStepAttrs>(sgdStepKernel, (inputs, attrs) => sgdStep(backend, inputs, attrs));
  registerGpuKernel<Inputs, { count: number }>(squaredNormsKernel, (inputs, { count }) =>
    squaredNorms(backend, listOf(inputs, 'x', count)),
  );
  registerGpuKernel<{ total: TensorInfo; more: TensorInfo }, object>(addIntoKernel, ({ total, more }) =>
    addInto(backend, total, more),
  );
}

function listOf(inputs: Inputs, name: string, count: number): TensorInfo[] {
  return Array.from({ length: count }, (_, i) => inputs[`${name}${i}`]);
}

function partsOf(backend: GpuBackend, tensors: readonly TensorInfo[]): readonly { start: number; end: number }[] {
  const { maxStorageBufferBindingSize, maxBufferSize, minStorageBufferOffsetAlignment } = backend.device.limits;
  return bindableParts(
    tensors.map((tensor) => 4 * sizeOf(tensor)),
    minStorageBufferOffsetAlignment,
    Math.min(maxStorageBufferBindingSize, maxBufferSize),
  );
}

/**
 * Runs a step on whole packs, also on the gaps between their tensors, where numbers have no meaning.
 * @param lists tensors of the same shapes in the same order
 * @returns `count` lists of new tensors
 */
function stepOfAll(
  backend: GpuBackend,
  key: string,
  code: () => string,
  lists: Readonly<Record<string, readonly TensorInfo[]>>,
  moved: readonly string[],
  floats: Readonly<Record<string, number>>,
): TensorInfo[] {
  const names = Object.keys(lists);
  const [tensors] = Object.values(lists);
  const results = moved.map((): TensorInfo[] => []);
  for (const { start, end } of partsOf(backend, tensors)) {
    const shapes = tensors.slice(start, end).map(({ shape }) => shape);
    const inputs = names.map((name) => backend.pack(lists[name].slice(start, end), true));
    const outputs = moved.map(() => backend.makePack(shapes));
    const size = outputs[0].size / 4;
    runProgram(backend, {
      key,
      code: () => `${threadHeader}
  if (thread >= given.size) { return; }
${code()}}`,
      outputs: Object.fromEntries(moved.map((name, i) => [name, outputs[i]])),
      inputs: Object.fromEntries(names.map((name, i) => [name, inputs[i]])),
      integers: { size },
      floats,
      groups: Math.ceil(size / 64),
      groupSize: 64,
    });
    outputs.forEach((pack, i) => results[i].push(...pack.tensors));
  }
  return results.flat();
}

function adamStep(backend: GpuBackend, inputs: Inputs, attrs: AdamStepAttrs): TensorInfo[] {
  const { count, beta1, beta2, eps, decay, stepSize, gradientScale } = attrs;
  return stepOfAll(
    backend,
    adamStepKernel,
    () => `
  let g = gradient[thread] * given.gradientScale;
  let m = first[thread] * given.beta1 + g * given.rest1;
  let v = second[thread] * given.beta2 + g * g * given.rest2;
  newFirst[thread] = m;
  newSecond[thread] = v;
  newParam[thread] = param[thread] * given.remaining - m / (sqrt(v) + given.eps) * given.stepSize;
`,
    {
      param: listOf(inputs, 'param', count),
      gradient: listOf(inputs, 'gradient', count),
      first: listOf(inputs, 'firstMoment', count),
      second: listOf(inputs, 'secondMoment', count),
    },
    ['newParam', 'newFirst', 'newSecond'],
    { beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, eps, remaining: 1 - decay, stepSize, gradientScale },
  );
}

function sgdStep(backend: GpuBackend, inputs: Inputs, attrs: SgdStepAttrs): TensorInfo[] {
  const { count, lr, momentum, nesterov, weightDecay, gradientScale } = attrs;
  const hasMomentum = momentum !== 0;
  const hasBuffers = hasMomentum && attrs.hasBuffers;
  const step = `
  let moved = ${hasBuffers ? 'buffer[thread] * given.momentum + g' : 'g'};
  newBuffer[thread] = moved;
  direction = ${nesterov ? 'g + moved * given.momentum' : 'moved'};`;
  return stepOfAll(
    backend,
    `${sgdStepKernel} ${hasMomentum} ${hasBuffers} ${nesterov}`,
    () => `
  let p = param[thread];
  let g = gradient[thread] * given.gradientScale + p * given.weightDecay;
  var direction = g;${hasMomentum ? step : ''}
  newParam[thread] = p - direction * given.lr;
`,
    {
      param: listOf(inputs, 'param', count),
      gradient: listOf(inputs, 'gradient', count),
      ...(hasBuffers && { buffer: listOf(inputs, 'buffer', count) }),
    },
    hasMomentum ? ['newParam', 'newBuffer'] : ['newParam'],
    { lr, momentum, weightDecay, gradientScale },
  );
}

/**
 * A workgroup adds up the squares of a block. Blocks end where a tensor ends, so that nothing between tensors counts.
 */
function squaredNorms(backend: GpuBackend, tensors: readonly TensorInfo[]): TensorInfo {
  const numBlocks = (list: readonly TensorInfo[]): number =>
    list.reduce((blocks, tensor) => blocks + numNormBlocks(sizeOf(tensor)), 0);
  const sums = backend.makeTensorInfo([numBlocks(tensors)], 'float32');
  for (const { start, end } of partsOf(backend, tensors)) {
    const x = backend.pack(tensors.slice(start, end));
    const bounds = x.tensors.flatMap((tensor, i) => {
      const size = sizeOf(tensor);
      return Array.from({ length: numNormBlocks(size) }, (_, block) => [
        x.offsets[i] + block * normBlock,
        x.offsets[i] + Math.min(size, (block + 1) * normBlock),
      ]);
    });
    const blocks = backend.makeTensorInfo([bounds.length, 2], 'int32', Int32Array.from(bounds.flat()));
    runProgram(backend, {
      key: squaredNormsKernel,
      code: () => `${reduceCode('total', 64, 64)}
${entryPoint(64)}
  if (index >= given.blocks) { return; }
  var sum = 0.0;
  for (var i = u32(blocks[2u * index]) + local; i < u32(blocks[2u * index + 1u]); i += 64u) { sum += x[i] * x[i]; }
  sum = total(sum, local);
  if (local == 0u) { sums[given.firstBlock + index] = sum; }
}`,
      outputs: { sums },
      inputs: { x, blocks },
      integers: { blocks: bounds.length, firstBlock: numBlocks(tensors.slice(0, start)) },
      groups: bounds.length,
      groupSize: 64,
    });
    backend.disposeData(blocks.dataId);
  }
  return sums;
}

function addInto(backend: GpuBackend, total: TensorInfo, more: TensorInfo): TensorInfo {
  const sum = backend.makeTensorInfo(total.shape, 'float32');
  const size = sizeOf(total);
  runProgram(backend, {
    key: addIntoKernel,
    code: () => `${threadHeader}
  if (thread < given.size) { sum[thread] = total[thread] + more[thread]; }
}`,
    outputs: { sum },
    inputs: { total, more },
    integers: { size },
    groups: Math.ceil(size / 64),
    groupSize: 64,
  });
  return sum;
}
