import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import { idOutOfRange } from '../ops/idOutOfRange.js';
import { dropoutKernel, embedTokensGradKernel, embedTokensKernel, type EmbedTokensAttrs } from '../ops/kernels.js';
import { registerGpuKernel } from './gpuKernel.js';
import { sumBySegment } from './segmentSums.js';
import type { GpuBackend } from './webGpuBackend.js';
import { drawUniforms, keptCode, runProgram, threadHeader } from './wgsl.js';

/** Embeddings and their gradient, dropout. */
export function registerTokenKernels(backend: GpuBackend): void {
  registerGpuKernel<{ ids: TensorInfo; table: TensorInfo }, EmbedTokensAttrs>(
    embedTokensKernel,
    ({ ids, table }, { scale }) => {
      const [vocabSize, d] = table.shape;
      Array.from(backend.integers(ids)).forEach((id, position) => {
        if (!(id >= 0 && id < vocabSize)) throw idOutOfRange('embedTokens', id, position, vocabSize);
      });
      const rows = backend.makeTensorInfo([...ids.shape, d], 'float32');
      const size = util.sizeFromShape(rows.shape);
      runProgram(backend, {
        key: embedTokensKernel,
        code: () => `${threadHeader}
  if (thread < given.size) { rows[thread] = table[u32(ids[thread / given.d]) * given.d + thread % given.d] * given.scale; }
}`,
        outputs: { rows },
        inputs: { ids, table },
        integers: { size, d },
        floats: { scale },
        groups: Math.ceil(size / 64),
        groupSize: 64,
      });
      return rows;
    },
  );

  registerGpuKernel<{ ids: TensorInfo; dy: TensorInfo }, EmbedTokensAttrs>(
    embedTokensGradKernel,
    ({ ids, dy }, { scale, padId, vocabSize }) => {
      const rows = Int32Array.from(backend.integers(ids), (id) => (id === padId ? -1 : id));
      return sumBySegment(backend, dy, rows, vocabSize, [vocabSize, dy.shape[1]], scale);
    },
  );

  // one thread draws four words
  registerGpuKernel<{ x: TensorInfo }, DropoutDraw>(dropoutKernel, ({ x }, draw) => {
    const y = backend.makeTensorInfo(x.shape, 'float32');
    const size = util.sizeFromShape(x.shape);
    const { integers, floats } = drawUniforms(draw);
    runProgram(backend, {
      key: dropoutKernel,
      code: () => `${keptCode}
${threadHeader}
  if (4u * thread >= given.size) { return; }
  let word = drawn(thread);
  for (var i = 0u; i < min(4u, given.size - 4u * thread); i++) {
    let element = 4u * thread + i;
    y[element] = x[element] * select(0.0, given.keptScale, word[i] >= given.threshold);
  }
}`,
      outputs: { y },
      inputs: { x },
      integers: { size, ...integers },
      floats,
      groups: Math.ceil(size / 256),
      groupSize: 64,
    });
    return y;
  });
}
