import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  layerNormGradKernel,
  layerNormKernel,
  residualLayerNormKernel,
  type LayerNormAttrs,
  type LayerNormGradAttrs,
} from '../ops/kernels.js';
import { registerGpuKernel } from './gpuKernel.js';
import type { GpuBackend } from './webGpuBackend.js';
import { drawUniforms, entryPoint, keptCodeOf, reduceCode, runProgram } from './wgsl.js';

/** A workgroup has 256 threads: 64 for each of four rows. */
const rowsOfGroup = 4;
const groupSize = 256;

/** In the program of the gradient other workgroups add up columns: 32 threads for each of eight. */
const columnsOfGroup = 8;

export function registerLayerNormKernels(backend: GpuBackend): void {
  const output = (shape: number[]): TensorInfo => backend.makeTensorInfo(shape, 'float32');

  function forward(
    { x, residual, gamma, beta }: { x: TensorInfo; residual?: TensorInfo; gamma: TensorInfo; beta: TensorInfo },
    { eps, dropout }: LayerNormAttrs,
  ): TensorInfo[] {
    const [rows, d] = x.shape;
    const [y, normalised, rstd] = [output(x.shape), output(x.shape), output([rows])];
    const draw = drawUniforms(dropout);
    const sum = residual === undefined ? 'x[i]' : 'residual[i] + x[i] * kept(i)';
    runProgram(backend, {
      key: `${layerNormKernel} ${residual !== undefined} ${dropout !== undefined}`,
      code: () => `${keptCodeOf(dropout)}${reduceCode('total', groupSize, 64)}
${entryPoint(groupSize)}
  let lane = local % 64u;
  let row = index * ${rowsOfGroup}u + local / 64u;
  let first = row * given.d;
  let end = select(0u, given.d, row < given.rows);
  var part = 0.0;
  for (var column = lane; column < end; column += 64u) {
    let i = first + column;
    let value = ${sum};
    normalised[i] = value;
    part += value;
  }
  let mean = total(part, local) / f32(given.d);
  part = 0.0;
  for (var column = lane; column < end; column += 64u) {
    let centred = normalised[first + column] - mean;
    part += centred * centred;
  }
  let scale = 1.0 / sqrt(total(part, local) / f32(given.d) + given.eps);
  for (var column = lane; column < end; column += 64u) {
    let i = first + column;
    let value = (normalised[i] - mean) * scale;
    normalised[i] = value;
    y[i] = value * gamma[column] + beta[column];
  }
  if (lane == 0u && row < given.rows) { rstd[row] = scale; }
}`,
      outputs: { y, normalised, rstd },
      inputs: { x, ...(residual && { residual }), gamma, beta },
      integers: { rows, d, ...draw.integers },
      floats: { eps, ...draw.floats },
      groups: Math.ceil(rows / rowsOfGroup),
      groupSize,
    });
    return [y, normalised, rstd];
  }

  registerGpuKernel<{ x: TensorInfo; gamma: TensorInfo; beta: TensorInfo }, LayerNormAttrs>(layerNormKernel, forward);

  registerGpuKernel<{ x: TensorInfo; residual: TensorInfo; gamma: TensorInfo; beta: TensorInfo }, LayerNormAttrs>(
    residualLayerNormKernel,
    forward,
  );

  // The gradients of rows and of columns need nothing of each other: one program makes both, in different workgroups.
  registerGpuKernel<
    { dy: TensorInfo; normalised: TensorInfo; rstd: TensorInfo; gamma: TensorInfo },
    LayerNormGradAttrs
  >(layerNormGradKernel, ({ dy, normalised, rstd, gamma }, { dropout }) => {
    const [rows, d] = dy.shape;
    const [dSum, dGamma, dBeta] = [output(dy.shape), output([d]), output([d])];
    const dx = dropout && output(dy.shape);
    const draw = drawUniforms(dropout);
    const rowGroups = Math.ceil(rows / rowsOfGroup);
    runProgram(backend, {
      key: `${layerNormGradKernel} ${dropout !== undefined}`,
      code: () => `${keptCodeOf(dropout)}${reduceCode('total', groupSize, 64)}
fn rowGradients(index: u32, local: u32) {
  let lane = local % 64u;
  let row = index * ${rowsOfGroup}u + local / 64u;
  let first = row * given.d;
  let end = select(0u, given.d, row < given.rows);
  var sum = 0.0;
  var product = 0.0;
  for (var column = lane; column < end; column += 64u) {
    let g = dy[first + column] * gamma[column];
    sum += g;
    product += g * normalised[first + column];
  }
  let mean = total(sum, local) / f32(given.d);
  let slope = total(product, local) / f32(given.d);
  for (var column = lane; column < end; column += 64u) {
    let i = first + column;
    let value = (dy[i] * gamma[column] - mean - normalised[i] * slope) * rstd[row];
    dSum[i] = value;
    ${dropout ? 'dx[i] = value * kept(i);' : ''}
  }
}

var<workgroup> gammaParts: array<f32, ${groupSize}>;
var<workgroup> betaParts: array<f32, ${groupSize}>;
fn columnGradients(index: u32, local: u32) {
  let lane = local / ${columnsOfGroup}u;
  let column = index * ${columnsOfGroup}u + local % ${columnsOfGroup}u;
  var gammaSum = 0.0;
  var betaSum = 0.0;
  if (column < given.d) {
    for (var row = lane; row < given.rows; row += ${groupSize / columnsOfGroup}u) {
      let one = dy[row * given.d + column];
      gammaSum += one * normalised[row * given.d + column];
      betaSum += one;
    }
  }
  gammaParts[local] = gammaSum;
  betaParts[local] = betaSum;
  workgroupBarrier();
  for (var step = ${groupSize / 2}u; step >= ${columnsOfGroup}u; step /= 2u) {
    if (local < step) {
      gammaParts[local] += gammaParts[local + step];
      betaParts[local] += betaParts[local + step];
    }
    workgroupBarrier();
  }
  if (lane == 0u && column < given.d) {
    dGamma[column] = gammaParts[local];
    dBeta[column] = betaParts[local];
  }
}

${entryPoint(groupSize)}
  if (index < given.rowGroups) { rowGradients(index, local); } else { columnGradients(index - given.rowGroups, local); }
}`,
      outputs: { dSum, dGamma, dBeta, ...(dx && { dx }) },
      inputs: { dy, normalised, rstd, gamma },
      integers: { rows, d, rowGroups, ...draw.integers },
      floats: draw.floats,
      groups: rowGroups + Math.ceil(d / columnsOfGroup),
      groupSize,
    });
    return dx ? [dSum, dGamma, dBeta, dx] : [dSum, dGamma, dBeta];
  });
}
