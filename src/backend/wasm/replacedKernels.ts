import {
  Cast,
  Exp,
  getKernel,
  Identity,
  registerKernel,
  Sign,
  Tile,
  unregisterKernel,
  util,
  type DataType,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { WasmContext } from './wasmContext.js';

/**
 * Replaces kernels of tfjs's wasm backend that take most of the time of gradients of gradients: Identity and Cast copy
 * where a reference suffices, Tile copies element by element, Exp is not vectorised. Sign is replaced because tfjs's
 * gives 0 for everything below 1e-7, where most of a Transformer's gradient is.
 */
export function registerReplacedKernels(context: WasmContext): void {
  const { kernels } = context;

  /** @param run returns undefined to leave the case to tfjs's kernel */
  function replace<Attrs>(kernelName: string, run: (x: TensorInfo, attrs: Attrs) => TensorInfo | undefined): void {
    const { kernelFunc, setupFunc } = getKernel(kernelName, 'wasm');
    unregisterKernel(kernelName, 'wasm');
    registerKernel({
      kernelName,
      backendName: 'wasm',
      setupFunc,
      kernelFunc: (call) => run((call.inputs as { x: TensorInfo }).x, call.attrs as Attrs) ?? kernelFunc(call),
    });
  }

  replace(Identity, (x) => context.share(x));

  replace<{ dtype: DataType }>(Cast, (x, { dtype }) => (x.dtype === dtype ? context.share(x) : undefined));

  replace(Exp, (x) => {
    if (x.dtype !== 'float32') return undefined;
    const out = context.output(x.shape);
    kernels.expArray(util.sizeFromShape(x.shape), context.address(x), context.address(out));
    return out;
  });

  replace(Sign, (x) => {
    if (x.dtype !== 'float32') return undefined;
    const out = context.output(x.shape);
    kernels.signArray(util.sizeFromShape(x.shape), context.address(x), context.address(out));
    return out;
  });

  replace<{ reps: number[] }>(Tile, (x, { reps }) => {
    const repeated = reps.flatMap((count, axis) => (count === 1 ? [] : [axis]));
    // Broadcasting repeats neighbouring axes, all but the last of size 1: whole blocks, in one pass. The rest is rare.
    const [first, last] = [repeated[0], repeated[repeated.length - 1]];
    const simple =
      repeated.length > 0 &&
      repeated.length === last - first + 1 &&
      repeated.slice(0, -1).every((axis) => x.shape[axis] === 1);
    if (!simple || (x.dtype !== 'float32' && x.dtype !== 'int32')) return undefined;
    const out = context.output(
      x.shape.map((size, axis) => size * reps[axis]),
      x.dtype,
    );
    const outer = util.sizeFromShape(x.shape.slice(0, first));
    const count = util.sizeFromShape(reps);
    kernels.repeatBlocks(
      outer,
      util.sizeFromShape(x.shape.slice(first)),
      count,
      context.address(x),
      context.address(out),
    );
    return out;
  });
}
