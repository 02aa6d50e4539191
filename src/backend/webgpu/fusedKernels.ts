import { registerKernel, util, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import { philoxKey } from '../../random/philox.js';
import { dropThreshold } from '../ops/dropout.js';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import {
  adamStepKernel,
  dropoutKernel,
  sgdStepKernel,
  squaredNormsKernel,
  type AdamStepAttrs,
  type SgdStepAttrs,
} from '../ops/kernels.js';
import { normBlock, numNormBlocks } from '../ops/squaredNorm.js';
import type { GpuBackend } from './webGpuBackend.js';
import { threadHeader } from './wgsl.js';

type Inputs = Readonly<Record<string, TensorInfo>>;

/** Registers our own programs for operations of ops/kernels.ts. Each has a composed twin, which judges it in tests. */
export function registerFusedKernels(backend: GpuBackend): void {
  const register = <A>(kernelName: string, run: (inputs: Inputs, attrs: A) => TensorInfo | TensorInfo[]): void =>
    registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: ({ inputs, attrs }) => run(inputs as Inputs, attrs as NamedAttrMap as A),
    });
  register<AdamStepAttrs>(adamStepKernel, (inputs, attrs) => adamStep(backend, inputs, attrs));
  register<SgdStepAttrs>(sgdStepKernel, (inputs, attrs) => sgdStep(backend, inputs, attrs));
  register<{ count: number }>(squaredNormsKernel, (inputs, { count }) => squaredNorms(backend, inputs, count));
  register<DropoutDraw>(dropoutKernel, ({ x }, draw) => dropout(backend, x, draw));
}

/** The bits of a program's uniforms. */
function words(integers: readonly number[], floats: readonly number[]): ArrayBuffer {
  const buffer = new ArrayBuffer(4 * (integers.length + floats.length));
  new Uint32Array(buffer, 0, integers.length).set(integers);
  new Float32Array(buffer, 4 * integers.length).set(floats);
  return buffer;
}

const like = (backend: GpuBackend, { shape }: TensorInfo): TensorInfo => backend.makeTensorInfo(shape, 'float32');

const adamCode = `
struct Attrs { size: u32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, eps: f32, kept: f32, stepSize: f32, gradientScale: f32 }
@group(0) @binding(0) var<storage, read_write> newParam: array<f32>;
@group(0) @binding(1) var<storage, read_write> newFirst: array<f32>;
@group(0) @binding(2) var<storage, read_write> newSecond: array<f32>;
@group(0) @binding(3) var<storage, read> param: array<f32>;
@group(0) @binding(4) var<storage, read> gradient: array<f32>;
@group(0) @binding(5) var<storage, read> first: array<f32>;
@group(0) @binding(6) var<storage, read> second: array<f32>;
@group(0) @binding(7) var<uniform> attrs: Attrs;

${threadHeader}
  if (thread >= attrs.size) { return; }
  let g = gradient[thread] * attrs.gradientScale;
  let m = first[thread] * attrs.beta1 + g * attrs.rest1;
  let v = second[thread] * attrs.beta2 + g * g * attrs.rest2;
  newFirst[thread] = m;
  newSecond[thread] = v;
  newParam[thread] = param[thread] * attrs.kept - m / (sqrt(v) + attrs.eps) * attrs.stepSize;
}`;

/** One program per tensor; the twin needs about a dozen. */
function adamStep(backend: GpuBackend, inputs: Inputs, attrs: AdamStepAttrs): TensorInfo[] {
  const { count, beta1, beta2, eps, decay, stepSize, gradientScale } = attrs;
  const moved: TensorInfo[][] = [[], [], []];
  for (let i = 0; i < count; i++) {
    const [param, gradient, first, second] = ['param', 'gradient', 'firstMoment', 'secondMoment'].map(
      (name) => inputs[`${name}${i}`],
    );
    const outputs = [param, first, second].map((tensor) => like(backend, tensor));
    const size = util.sizeFromShape(param.shape);
    backend.compute({
      key: adamStepKernel,
      code: () => adamCode,
      outputs,
      inputs: [param, gradient, first, second],
      uniforms: words([size], [beta1, beta2, 1 - beta1, 1 - beta2, eps, 1 - decay, stepSize, gradientScale]),
      threads: size,
    });
    outputs.forEach((output, list) => moved[list].push(output));
  }
  return moved.flat();
}

const sgdCode = (hasMomentum: boolean, hasBuffers: boolean): string => {
  const bindings = [
    '_write> newParam',
    ...(hasMomentum ? ['_write> newBuffer'] : []),
    '> param',
    '> gradient',
    ...(hasBuffers ? ['> buffer'] : []),
  ].map((name, i) => `@group(0) @binding(${i}) var<storage, read${name}: array<f32>;`);
  return `
struct Attrs { size: u32, nesterov: u32, lr: f32, momentum: f32, weightDecay: f32, gradientScale: f32 }
${bindings.join('\n')}
@group(0) @binding(${bindings.length}) var<uniform> attrs: Attrs;

${threadHeader}
  if (thread >= attrs.size) { return; }
  let p = param[thread];
  let g = gradient[thread] * attrs.gradientScale + p * attrs.weightDecay;
  var direction = g;
  ${
    hasMomentum
      ? `let moved = ${hasBuffers ? 'buffer[thread] * attrs.momentum + g' : 'g'};
  newBuffer[thread] = moved;
  direction = select(moved, g + moved * attrs.momentum, attrs.nesterov == 1u);`
      : ''
  }
  newParam[thread] = p - direction * attrs.lr;
}`;
};

function sgdStep(backend: GpuBackend, inputs: Inputs, attrs: SgdStepAttrs): TensorInfo[] {
  const { count, lr, momentum, nesterov, weightDecay, gradientScale } = attrs;
  const hasMomentum = momentum !== 0;
  const hasBuffers = hasMomentum && attrs.hasBuffers;
  const moved: TensorInfo[][] = [[], []];
  for (let i = 0; i < count; i++) {
    const param = inputs[`param${i}`];
    const outputs = (hasMomentum ? [param, param] : [param]).map((tensor) => like(backend, tensor));
    const size = util.sizeFromShape(param.shape);
    backend.compute({
      key: `${sgdStepKernel} ${hasMomentum} ${hasBuffers}`,
      code: () => sgdCode(hasMomentum, hasBuffers),
      outputs,
      inputs: [param, inputs[`gradient${i}`], ...(hasBuffers ? [inputs[`buffer${i}`]] : [])],
      uniforms: words([size, nesterov ? 1 : 0], [lr, momentum, weightDecay, gradientScale]),
      threads: size,
    });
    outputs.forEach((output, list) => moved[list].push(output));
  }
  return moved.flat();
}

const squaredNormsCode = `
struct Sizes { size: u32, firstBlock: u32 }
@group(0) @binding(0) var<storage, read_write> sums: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> shares: array<f32, 64>;

${threadHeader}
  let block = thread / 64u;
  let start = block * ${normBlock}u;
  let end = min(start + ${normBlock}u, sizes.size);
  var sum = 0.0;
  for (var i = start + local; i < end; i += 64u) { sum += x[i] * x[i]; }
  shares[local] = sum;
  workgroupBarrier();
  if (local > 0u || start >= sizes.size) { return; }
  for (var i = 1u; i < 64u; i++) { sum += shares[i]; }
  sums[sizes.firstBlock + block] = sum;
}`;

/** A program per tensor, and in it a workgroup per block. */
function squaredNorms(backend: GpuBackend, inputs: Inputs, count: number): TensorInfo {
  const sizes = Array.from({ length: count }, (_, i) => util.sizeFromShape(inputs[`x${i}`].shape));
  const sums = backend.makeTensorInfo([sizes.reduce((blocks, size) => blocks + numNormBlocks(size), 0)], 'float32');
  let firstBlock = 0;
  sizes.forEach((size, i) => {
    const blocks = numNormBlocks(size);
    backend.compute({
      key: squaredNormsKernel,
      code: () => squaredNormsCode,
      outputs: [sums],
      inputs: [inputs[`x${i}`]],
      uniforms: [size, firstBlock],
      threads: 64 * blocks,
    });
    firstBlock += blocks;
  });
  return sums;
}

/** One thread draws four words: those of elements 4 n to 4 n + 3, as dropout.ts says. */
const dropoutCode = `
struct Draw { size: u32, key0: u32, key1: u32, site: u32, step: u32, microBatch: u32, threshold: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<uniform> draw: Draw;

fn multiplyHigh(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let middleLow = (middle & 0xffffu) + (a & 0xffffu) * (b >> 16u);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (middleLow >> 16u);
}

fn philox(start: vec4u) -> vec4u {
  var c = start;
  var key = vec2u(draw.key0, draw.key1);
  for (var round = 0; round < 10; round++) {
    c = vec4u(
      multiplyHigh(0xcd9e8d57u, c.z) ^ c.y ^ key.x,
      0xcd9e8d57u * c.z,
      multiplyHigh(0xd2511f53u, c.x) ^ c.w ^ key.y,
      0xd2511f53u * c.x,
    );
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

${threadHeader}
  if (4u * thread >= draw.size) { return; }
  let word = philox(vec4u(thread, draw.site, draw.step, draw.microBatch));
  for (var i = 0u; i < min(4u, draw.size - 4u * thread); i++) {
    let element = 4u * thread + i;
    y[element] = x[element] * select(0.0, draw.scale, word[i] >= draw.threshold);
  }
}`;

function dropout(backend: GpuBackend, x: TensorInfo, { rate, seed, step, microBatch, site }: DropoutDraw): TensorInfo {
  const y = like(backend, x);
  const size = util.sizeFromShape(x.shape);
  backend.compute({
    key: dropoutKernel,
    code: () => dropoutCode,
    outputs: [y],
    inputs: [x],
    uniforms: words([size, ...philoxKey(seed), site, step, microBatch, dropThreshold(rate)], [1 / (1 - rate)]),
    threads: Math.ceil(size / 4),
  });
  return y;
}
