import type { TensorInfo } from '@tensorflow/tfjs-core';
import { attentionGradKernel, attentionKernel, type AttentionAttrs } from '../ops/kernels.js';
import { dropoutArguments, registerWasmKernel, type WasmContext } from './wasmContext.js';

interface AttentionInputs {
  q: TensorInfo;
  k: TensorInfo;
  v: TensorInfo;
  keyLengths: TensorInfo;
}

export function registerAttentionKernels(context: WasmContext): void {
  const { kernels } = context;

  registerWasmKernel<AttentionInputs, AttentionAttrs>(attentionKernel, ({ q, k, v, keyLengths }, attrs) => {
    const { batch, queryLength, keyLength, numHeads, causal, dropout } = attrs;
    const dHead = q.shape[1] / numHeads;
    const [out, logSumExp] = [context.output(q.shape), context.output([batch, numHeads, queryLength])];
    const scratch = context.scratch(kernels.attentionScratchBytes(queryLength, keyLength, dHead));
    kernels.attention(
      batch,
      queryLength,
      keyLength,
      numHeads,
      dHead,
      causal,
      context.address(q),
      context.address(k),
      context.address(v),
      context.address(keyLengths),
      context.address(out),
      context.address(logSumExp),
      dropout !== undefined,
      ...dropoutArguments(dropout),
      scratch,
    );
    return [out, logSumExp];
  });

  registerWasmKernel<AttentionInputs & { dy: TensorInfo; out: TensorInfo; logSumExp: TensorInfo }, AttentionAttrs>(
    attentionGradKernel,
    ({ dy, q, k, v, keyLengths, out, logSumExp }, attrs) => {
      const { batch, queryLength, keyLength, numHeads, causal, dropout } = attrs;
      const dHead = q.shape[1] / numHeads;
      const [dq, dk, dv] = [q, k, v].map((input) => context.output(input.shape));
      const scratch = context.scratch(kernels.attentionScratchBytes(queryLength, keyLength, dHead));
      kernels.attentionGrad(
        batch,
        queryLength,
        keyLength,
        numHeads,
        dHead,
        causal,
        context.address(dy),
        context.address(q),
        context.address(k),
        context.address(v),
        context.address(keyLengths),
        context.address(out),
        context.address(logSumExp),
        context.address(dq),
        context.address(dk),
        context.address(dv),
        dropout !== undefined,
        ...dropoutArguments(dropout),
        scratch,
      );
      return [dq, dk, dv];
    },
  );
}
