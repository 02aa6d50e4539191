import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeKernel, NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';

const intKernels = new Set(['Add', 'Sub', 'Multiply', 'Maximum', 'Minimum']);

function zip(backend: NativeBackend, name: string, a: TensorInfo, b: TensorInfo): TensorInfo | undefined {
  if (a.dtype !== b.dtype) return undefined;
  const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (a.dtype === 'float32') return backend.compute(name, [a, b], shape, 'float32');
  if (a.dtype === 'int32' && intKernels.has(name)) return backend.compute(`Int${name}`, [a, b], shape, 'int32');
  return undefined;
}

function arithmetic(name: string): NativeKernel {
  return (backend, { a, b }) => zip(backend, name, a, b);
}

function comparison(name: string): NativeKernel {
  return (backend, { a, b }) => {
    if (a.dtype !== b.dtype || a.dtype === 'string' || a.dtype === 'complex64') return undefined;
    return backend.compute(name, [a, b], backend_util.assertAndGetBroadcastShape(a.shape, b.shape), 'bool');
  };
}

const arithmeticNames = [
  'Add',
  'Sub',
  'Multiply',
  'RealDiv',
  'Maximum',
  'Minimum',
  'Pow',
  'SquaredDifference',
  'Atan2',
  'Mod',
];
const comparisonNames = [
  'Equal',
  'NotEqual',
  'Less',
  'LessEqual',
  'Greater',
  'GreaterEqual',
  'LogicalAnd',
  'LogicalOr',
];

/** Functions of two tensors, element by element, with broadcasting. */
export const binaryKernels: NativeKernels = {
  ...Object.fromEntries(arithmeticNames.map((name) => [name, arithmetic(name)])),
  ...Object.fromEntries(comparisonNames.map((name) => [name, comparison(name)])),
  Prelu: (backend, { x, alpha }) => zip(backend, 'Prelu', x, alpha),
  EluGrad: (backend, { dy, y }) => zip(backend, 'EluGrad', dy, y),
  Select: (backend, { condition, t, e }) => {
    if (condition.dtype !== 'bool' || t.dtype !== e.dtype || t.dtype === 'string' || t.dtype === 'complex64')
      return undefined;
    return backend.compute('Select', [condition, t, e], t.shape, t.dtype);
  },
  AddN: (backend, inputs) => {
    const terms = Object.values(inputs);
    return terms.every((x) => x.dtype === 'float32')
      ? backend.compute('AddN', terms, terms[0].shape, 'float32')
      : undefined;
  },
};
