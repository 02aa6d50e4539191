import '@tensorflow/tfjs-backend-cpu';
import {
  BatchMatMul,
  broadcast_util,
  getKernel,
  registerKernel,
  Tile,
  unregisterKernel,
  util,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

/**
 * Replaces the matrix product of tfjs's cpu backend, which takes an operand's matrix n modulo the number of its
 * matrices. That is the wrong matrix if an operand's dimensions of size 1 do not all come first; such operands are
 * repeated beforehand.
 */
const { kernelFunc: multiply, setupFunc } = getKernel(BatchMatMul, 'cpu');

const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) => {
  const operands = ['a', 'b'].map((name) => inputs[name] as TensorInfo);
  const batch = broadcast_util.assertAndGetBroadcastShape(
    operands[0].shape.slice(0, -2),
    operands[1].shape.slice(0, -2),
  );
  const repeated: TensorInfo[] = [];
  const [a, b] = operands.map((x) => {
    const count = util.sizeFromShape(x.shape.slice(0, -2));
    if (count === 1 || count === util.sizeFromShape(batch)) return x;
    const shape = [...batch.map(() => 1), ...x.shape].slice(-batch.length - 2);
    const reps = [...batch.map((size, d) => size / shape[d]), 1, 1];
    const copy = getKernel(Tile, 'cpu').kernelFunc({
      inputs: { x: { ...x, shape } },
      attrs: { reps },
      backend,
    }) as TensorInfo;
    repeated.push(copy);
    return copy;
  });
  const product = multiply({ inputs: { a, b }, attrs, backend });
  for (const copy of repeated) (backend as MathBackendCPU).disposeIntermediateTensorInfo(copy);
  return product;
};

unregisterKernel(BatchMatMul, 'cpu');
registerKernel({ kernelName: BatchMatMul, backendName: 'cpu', setupFunc, kernelFunc });
