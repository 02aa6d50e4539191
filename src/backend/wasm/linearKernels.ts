import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  linearGradKernel,
  linearKernel,
  linearsGradKernel,
  linearsKernel,
  type LinearAttrs,
  type LinearsAttrs,
} from '../ops/kernels.js';
import { dropoutArguments, plain, registerWasmKernel, transposed, type WasmContext } from './wasmContext.js';

/** Linear layers: the transposes of weights and gradients happen while operands are packed, at no extra cost. */
export function registerLinearKernels(context: WasmContext): void {
  const { kernels } = context;

  function forward(x: TensorInfo, weight: TensorInfo, bias: TensorInfo | undefined, relu: boolean): TensorInfo {
    const [rows, inSize] = x.shape;
    const [outSize] = weight.shape;
    const y = context.output([rows, outSize]);
    context.multiply(
      { rows, columns: outSize, depth: inSize },
      plain(context.address(x), inSize),
      transposed(context.address(weight), inSize),
      context.address(y),
      { bias: context.address(bias), relu },
    );
    return y;
  }

  /** dWeight [out, in] = dyᵀ x and dBias [out]. */
  function parameterGradients(dy: number, x: TensorInfo, outSize: number, hasBias: boolean): TensorInfo[] {
    const [rows, inSize] = x.shape;
    const dWeight = context.output([outSize, inSize]);
    context.multiply(
      { rows: outSize, columns: inSize, depth: rows },
      transposed(dy, outSize),
      plain(context.address(x), inSize),
      context.address(dWeight),
    );
    if (!hasBias) return [dWeight];
    const dBias = context.output([outSize]);
    kernels.columnSums(rows, outSize, dy, context.address(dBias));
    return [dWeight, dBias];
  }

  registerWasmKernel<{ x: TensorInfo; weight: TensorInfo; bias?: TensorInfo }, LinearAttrs>(
    linearKernel,
    ({ x, weight, bias }, { relu, dropout }) => {
      const y = forward(x, weight, bias, relu);
      const address = context.address(y);
      if (dropout) kernels.dropoutSpan(0, y.shape[0] * y.shape[1], address, 0, address, ...dropoutArguments(dropout));
      return y;
    },
  );

  registerWasmKernel<{ dy: TensorInfo; x: TensorInfo; weight: TensorInfo; y?: TensorInfo }, LinearAttrs>(
    linearGradKernel,
    ({ dy, x, weight, y }, { relu, dropout, hasBias }) => {
      const [rows, inSize] = x.shape;
      const [outSize] = weight.shape;
      const dx = context.output([rows, inSize]);
      let dPre = context.address(dy);
      const masked = relu || dropout ? context.output([rows, outSize]) : undefined;
      if (masked) {
        dPre = context.address(masked);
        if (relu)
          kernels.reluGrad(
            rows * outSize,
            context.address(dy),
            context.address(y),
            dropout ? 1 / (1 - dropout.rate) : 1,
            dPre,
          );
        else kernels.dropoutSpan(0, rows * outSize, context.address(dy), 0, dPre, ...dropoutArguments(dropout));
      }
      context.multiply(
        { rows, columns: inSize, depth: outSize },
        plain(dPre, outSize),
        plain(context.address(weight), inSize),
        context.address(dx),
      );
      const gradients = [dx, ...parameterGradients(dPre, x, outSize, hasBias)];
      if (masked) context.release(masked);
      return gradients;
    },
  );

  registerWasmKernel<TensorInfo[], LinearsAttrs>(linearsKernel, ([x, ...parameters], { count }) =>
    Array.from({ length: count }, (_, i) => forward(x, parameters[i], parameters[count + i], false)),
  );

  registerWasmKernel<TensorInfo[], LinearsAttrs>(linearsGradKernel, ([x, ...rest], { count }) => {
    const [rows, inSize] = x.shape;
    const dx = context.output([rows, inSize]);
    const dWeights: TensorInfo[] = [];
    const dBiases: TensorInfo[] = [];
    for (let i = 0; i < count; i++) {
      const weight = rest[i];
      const [outSize] = weight.shape;
      const dy = context.address(rest[count + i]);
      context.multiply(
        { rows, columns: inSize, depth: outSize },
        plain(dy, outSize),
        plain(context.address(weight), inSize),
        context.address(dx),
        { accumulate: i > 0 },
      );
      const [dWeight, dBias] = parameterGradients(dy, x, outSize, true);
      dWeights.push(dWeight);
      dBiases.push(dBias);
    }
    return [dx, ...dWeights, ...dBiases];
  });
}
