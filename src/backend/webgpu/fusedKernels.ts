import { registerAttentionKernels } from './attentionKernels.js';
import { registerCrossEntropyKernels } from './crossEntropyKernels.js';
import { registerDecodingKernels } from './decodingKernels.js';
import { registerLayerNormKernels } from './layerNormKernels.js';
import { registerLinearKernels } from './linearKernels.js';
import { registerOptimizerKernels } from './optimizerKernels.js';
import { registerTokenKernels } from './tokenKernels.js';
import type { GpuBackend } from './webGpuBackend.js';

/** Registers our own programs for operations of ops/kernels.ts. Each has a composed twin, which judges it in tests. */
export function registerFusedKernels(backend: GpuBackend): void {
  registerAttentionKernels(backend);
  registerCrossEntropyKernels(backend);
  registerDecodingKernels(backend);
  registerLayerNormKernels(backend);
  registerLinearKernels(backend);
  registerOptimizerKernels(backend);
  registerTokenKernels(backend);
}
