import type { TensorInfo } from '@tensorflow/tfjs-core';
import { attentionGradKernel, attentionKernel, cachedAttentionKernel, type AttentionAttrs } from '../ops/kernels.js';
import { registerGpuKernel } from './gpuKernel.js';
import type { GpuBackend } from './webGpuBackend.js';
import { drawUniforms, entryPoint, keptCodeOf, reduceCode, runProgram } from './wgsl.js';

interface AttentionInputs {
  readonly q: TensorInfo;
  readonly k: TensorInfo;
  readonly v: TensorInfo;
  /** int32 [B] */
  readonly keyLengths: TensorInfo;
}

/** A workgroup has a query, or in the gradient a key, of one head, and takes this many of the others at a time. */
const block = 64;

/** Smaller than any score; its difference to a score is finite. */
const lowest = '-1.0e38';

/**
 * Multi-head attention in one pass over the keys: neither scores nor probabilities are held. The gradient makes them
 * again from logSumExp, once for every query and once for every key, in different workgroups of one program.
 */
export function registerAttentionKernels(backend: GpuBackend): void {
  const output = (shape: number[]): TensorInfo => backend.makeTensorInfo(shape, 'float32');

  registerGpuKernel<AttentionInputs, AttentionAttrs>(attentionKernel, ({ q, k, v, keyLengths }, attrs) => {
    const { batch, queryLength, keyLength, numHeads, causal, dropout } = attrs;
    const features = q.shape[1] / numHeads;
    const [attended, logSumExp] = [output(q.shape), output([batch, numHeads, queryLength])];
    const draw = drawUniforms(dropout);
    runProgram(backend, {
      key: `${attentionKernel} ${features} ${causal} ${dropout !== undefined}`,
      code: () => `${keptCodeOf(dropout)}${headCode(features, causal)}
${attendDeclarations(features)}
${entryPoint(block)}
  if (index >= given.queries) { return; }
  let t = index % given.queryLength;
  let head = index / given.queryLength;
  let queryAt = featureAt(head, t, given.queryLength);
  for (var f = local; f < ${features}u; f += ${block}u) { query[f] = q[queryAt + f]; }
  workgroupBarrier();
  let end = visible(head, t);
${attendCode(features, {
  key: 'k[featureAt(head, s, given.keyLength) + f]',
  value: 'v[featureAt(head, s, given.keyLength) + f]',
  factor: 'kept((head * given.queryLength + t) * given.keyLength + s)',
})}
  for (var f = local; f < ${features}u; f += ${block}u) { attended[queryAt + f] = values[f / ${block}u] / sum; }
  if (local == 0u) { logSumExp[index] = largest + log(sum); }
}`,
      outputs: { attended, logSumExp },
      inputs: { q, k, v, keyLengths },
      integers: {
        queries: batch * numHeads * queryLength,
        queryLength,
        keyLength,
        heads: numHeads,
        ...draw.integers,
      },
      floats: { scale: 1 / Math.sqrt(features), ...draw.floats },
      groups: batch * numHeads * queryLength,
      groupSize: block,
    });
    return [attended, logSumExp];
  });

  registerGpuKernel<AttentionInputs & { dy: TensorInfo; out: TensorInfo; logSumExp: TensorInfo }, AttentionAttrs>(
    attentionGradKernel,
    ({ dy, q, k, v, keyLengths, out: attended, logSumExp }, attrs) => {
      const { batch, queryLength, keyLength, numHeads, causal, dropout } = attrs;
      const features = q.shape[1] / numHeads;
      const gradients = backend.makePack([q.shape, k.shape, v.shape]);
      const draw = drawUniforms(dropout);
      const [queries, keys] = [batch * numHeads * queryLength, batch * numHeads * keyLength];
      const slots = Math.ceil(features / block);
      runProgram(backend, {
        key: `${attentionGradKernel} ${features} ${causal} ${dropout !== undefined}`,
        code: () => `${keptCodeOf(dropout)}${headCode(features, causal)}
${reduceCode('total', block, block)}
var<workgroup> mine: array<f32, ${features}>;
var<workgroup> mineToo: array<f32, ${features}>;
var<workgroup> ofScores: array<f32, ${block}>;
var<workgroup> used: array<f32, ${block}>;

fn queryGradient(index: u32, local: u32) {
  let t = index % given.queryLength;
  let head = index / given.queryLength;
  let queryAt = featureAt(head, t, given.queryLength);
  var overlap = 0.0;
  for (var f = local; f < ${features}u; f += ${block}u) {
    mine[f] = q[queryAt + f];
    mineToo[f] = dy[queryAt + f];
    overlap += dy[queryAt + f] * attended[queryAt + f];
  }
  // the sum over keys of probability times its gradient equals dy · out, dropout included
  let mean = total(overlap, local);
  let end = visible(head, t);
  var values = array<f32, ${slots}>();
  for (var start = 0u; start < end; start += ${block}u) {
    let s = start + local;
    if (s < end) {
      let keyAt = featureAt(head, s, given.keyLength);
      var product = 0.0;
      var gradient = 0.0;
      for (var f = 0u; f < ${features}u; f++) {
        product += mine[f] * k[keyAt + f];
        gradient += mineToo[f] * v[keyAt + f];
      }
      let probability = exp(product * given.scale - logSumExp[index]);
      gradient *= kept(index * given.keyLength + s);
      ofScores[local] = probability * (gradient - mean) * given.scale;
    }
    workgroupBarrier();
    let count = min(${block}u, end - start);
    for (var f = local; f < ${features}u; f += ${block}u) {
      var value = values[f / ${block}u];
      for (var j = 0u; j < count; j++) { value += ofScores[j] * k[featureAt(head, start + j, given.keyLength) + f]; }
      values[f / ${block}u] = value;
    }
    workgroupBarrier();
  }
  for (var f = local; f < ${features}u; f += ${block}u) { gradients[given.dq + queryAt + f] = values[f / ${block}u]; }
}

fn keyGradients(index: u32, local: u32) {
  let s = index % given.keyLength;
  let head = index / given.keyLength;
  let keyAt = featureAt(head, s, given.keyLength);
  for (var f = local; f < ${features}u; f += ${block}u) {
    mine[f] = k[keyAt + f];
    mineToo[f] = v[keyAt + f];
  }
  workgroupBarrier();
  // the last query sees most keys, and of a causal attention those from s on see this one
  let end = select(0u, given.queryLength, s < visible(head, given.queryLength - 1u));
  var ofKey = array<f32, ${slots}>();
  var ofValue = array<f32, ${slots}>();
  for (var start = ${causal ? 's' : '0u'}; start < end; start += ${block}u) {
    let t = start + local;
    if (t < end) {
      let queryAt = featureAt(head, t, given.queryLength);
      let row = head * given.queryLength + t;
      var product = 0.0;
      var gradient = 0.0;
      var mean = 0.0;
      for (var f = 0u; f < ${features}u; f++) {
        let one = dy[queryAt + f];
        product += mine[f] * q[queryAt + f];
        gradient += mineToo[f] * one;
        mean += one * attended[queryAt + f];
      }
      let probability = exp(product * given.scale - logSumExp[row]);
      let factor = kept(row * given.keyLength + s);
      ofScores[local] = probability * (gradient * factor - mean) * given.scale;
      used[local] = probability * factor;
    }
    workgroupBarrier();
    let count = min(${block}u, end - start);
    for (var f = local; f < ${features}u; f += ${block}u) {
      var keyValue = ofKey[f / ${block}u];
      var valueValue = ofValue[f / ${block}u];
      for (var j = 0u; j < count; j++) {
        let i = featureAt(head, start + j, given.queryLength) + f;
        keyValue += ofScores[j] * q[i];
        valueValue += used[j] * dy[i];
      }
      ofKey[f / ${block}u] = keyValue;
      ofValue[f / ${block}u] = valueValue;
    }
    workgroupBarrier();
  }
  for (var f = local; f < ${features}u; f += ${block}u) {
    gradients[given.dk + keyAt + f] = ofKey[f / ${block}u];
    gradients[given.dv + keyAt + f] = ofValue[f / ${block}u];
  }
}

${entryPoint(block)}
  if (index < given.queries) { queryGradient(index, local); }
  else if (index < given.queries + given.keys) { keyGradients(index - given.queries, local); }
}`,
        outputs: { gradients },
        inputs: { dy, q, k, v, keyLengths, attended, logSumExp },
        integers: {
          queries,
          keys,
          queryLength,
          keyLength,
          heads: numHeads,
          dq: gradients.offsets[0],
          dk: gradients.offsets[1],
          dv: gradients.offsets[2],
          ...draw.integers,
        },
        floats: { scale: 1 / Math.sqrt(features), ...draw.floats },
        groups: queries + keys,
        groupSize: block,
      });
      return [...gradients.tensors];
    },
  );

  registerGpuKernel<TensorInfo[], { numHeads: number }>(
    cachedAttentionKernel,
    ([q, ancestors, ...keysAndValues], { numHeads }) => {
      const [rows, d] = q.shape;
      const steps = keysAndValues.length / 2;
      const features = d / numHeads;
      const cache = backend.pack(keysAndValues);
      const places = backend.makeTensorInfo([cache.offsets.length], 'int32', Int32Array.from(cache.offsets));
      const attended = output(q.shape);
      const element = (from: string): string =>
        `cache[u32(places[${from} + s]) + u32(ancestors[row * given.steps + s]) * given.d + head * ${features}u + f]`;
      runProgram(backend, {
        key: `${cachedAttentionKernel} ${features}`,
        code: () => `${attendDeclarations(features)}
${entryPoint(block)}
  if (index >= given.rows * given.heads) { return; }
  let row = index / given.heads;
  let head = index % given.heads;
  let queryAt = index * ${features}u;
  for (var f = local; f < ${features}u; f += ${block}u) { query[f] = q[queryAt + f]; }
  workgroupBarrier();
  let end = given.steps;
${attendCode(features, { key: element('0u'), value: element('given.steps') })}
  for (var f = local; f < ${features}u; f += ${block}u) { attended[queryAt + f] = values[f / ${block}u] / sum; }
}`,
        outputs: { attended },
        inputs: { q, ancestors, cache, places },
        integers: { rows, d, steps, heads: numHeads },
        floats: { scale: 1 / Math.sqrt(features) },
        groups: rows * numHeads,
        groupSize: block,
      });
      backend.disposeData(places.dataId);
      return attended;
    },
  );
}

/** What `attendCode` uses. */
function attendDeclarations(features: number): string {
  return `${reduceCode('most', block, block, 'max')}${reduceCode('total', block, block)}
var<workgroup> query: array<f32, ${features}>;
var<workgroup> weights: array<f32, ${block}>;
`;
}

/**
 * Makes `values`, the sum of the values by the exponentials of the scores, `sum`, that of the exponentials, and
 * `largest`, the largest score, of keys 0 to `end` - 1 for `query`. A thread has every 64th feature.
 * @param of feature `f` of key or value `s`, and what multiplies the weight of `s`
 */
function attendCode(features: number, of: { key: string; value: string; factor?: string }): string {
  return `  var largest = ${lowest};
  var sum = 0.0;
  var values = array<f32, ${Math.ceil(features / block)}>();
  for (var start = 0u; start < end; start += ${block}u) {
    var score = ${lowest};
    {
      let s = start + local;
      if (s < end) {
        var product = 0.0;
        for (var f = 0u; f < ${features}u; f++) { product += query[f] * ${of.key}; }
        score = product * given.scale;
      }
    }
    let before = largest;
    largest = max(before, most(score, local));
    let shrink = exp(before - largest);
    var probability = 0.0;
    if (start + local < end) {
      let s = start + local;
      probability = exp(score - largest);
      weights[local] = probability${of.factor === undefined ? '' : ` * ${of.factor}`};
    }
    sum = sum * shrink + total(probability, local);
    let blockEnd = min(end, start + ${block}u);
    for (var f = local; f < ${features}u; f += ${block}u) {
      var value = values[f / ${block}u] * shrink;
      for (var s = start; s < blockEnd; s++) { value += weights[s - start] * ${of.value}; }
      values[f / ${block}u] = value;
    }
    workgroupBarrier();
  }`;
}

/**
 * Where the features of a token of a head begin, and how many keys a query sees. Heads are numbered through the batch.
 */
function headCode(features: number, causal: boolean): string {
  return `
fn featureAt(head: u32, token: u32, length: u32) -> u32 {
  return ((head / given.heads * length + token) * given.heads + head % given.heads) * ${features}u;
}

fn visible(head: u32, t: u32) -> u32 {
  let keys = clamp(u32(keyLengths[head / given.heads]), 1u, given.keyLength);
  return ${causal ? 'min(keys, t + 1u)' : 'keys'};
}
`;
}
