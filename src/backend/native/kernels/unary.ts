import type { NativeKernel, NativeKernels } from '../kernel.js';

const floatKernels = [
  'Abs',
  'Neg',
  'Exp',
  'Expm1',
  'Log',
  'Log1p',
  'Sqrt',
  'Rsqrt',
  'Square',
  'Reciprocal',
  'Relu',
  'Relu6',
  'Elu',
  'Selu',
  'Sigmoid',
  'Softplus',
  'Tanh',
  'Sin',
  'Cos',
  'Tan',
  'Asin',
  'Acos',
  'Atan',
  'Sinh',
  'Cosh',
  'Asinh',
  'Acosh',
  'Atanh',
  'Erf',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
];
const intKernels = new Set(['Neg', 'Abs', 'Square', 'Relu']);

function elementwise(name: string): NativeKernel {
  return (backend, { x }) => {
    if (x.dtype === 'float32') return backend.compute(name, [x], x.shape, 'float32');
    if (x.dtype === 'int32' && intKernels.has(name)) return backend.compute(`Int${name}`, [x], x.shape, 'int32');
    return undefined;
  };
}

function withAttributes(name: string, attributes: (attrs: Record<string, number>) => number[]): NativeKernel {
  return (backend, { x }, attrs) =>
    x.dtype === 'float32' ? backend.compute(name, [x], x.shape, 'float32', attributes(attrs)) : undefined;
}

function test(name: string): NativeKernel {
  return (backend, { x }) => (x.dtype === 'float32' ? backend.compute(name, [x], x.shape, 'bool') : undefined);
}

/** Functions of one tensor, element by element. */
export const unaryKernels: NativeKernels = {
  ...Object.fromEntries(floatKernels.map((name) => [name, elementwise(name)])),
  LeakyRelu: withAttributes('LeakyRelu', ({ alpha }) => [alpha]),
  Step: withAttributes('Step', ({ alpha }) => [alpha]),
  ClipByValue: withAttributes('ClipByValue', ({ clipValueMin, clipValueMax }) => [clipValueMin, clipValueMax]),
  IsNan: test('IsNan'),
  IsInf: test('IsInf'),
  IsFinite: test('IsFinite'),
  LogicalNot: (backend, { x }) =>
    x.dtype === 'bool' ? backend.compute('LogicalNot', [x], x.shape, 'bool') : undefined,
  Cast: (backend, { x }, { dtype }) => {
    if (x.dtype === dtype) return backend.alias(x);
    const isNative = (type: string): boolean => type === 'float32' || type === 'int32' || type === 'bool';
    return isNative(x.dtype) && isNative(dtype) ? backend.compute('Cast', [x], x.shape, dtype) : undefined;
  },
};
