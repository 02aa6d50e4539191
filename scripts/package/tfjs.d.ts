import type * as tfjs from '@tensorflow/tfjs-core';

export * from '@tensorflow/tfjs-core';

declare module './tensors.js' {
  interface TensorTypes {
    tensor: tfjs.Tensor;
    tensor1D: tfjs.Tensor1D;
    scalar: tfjs.Scalar;
    tensorInfo: tfjs.TensorInfo;
  }
}
