import { engine, scalar, type Tensor } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../../errors.js';

type CustomGradient = Parameters<ReturnType<typeof engine>['customGrad']>[0];
type Save = (tensors: Tensor[]) => void;

/**
 * tfjs-core's operations whose custom gradient reuses a computed value; their forward passes are plain differentiable
 * ops.
 */
const recomputed = new Set(['logSoftmax__op', 'softmaxCrossEntropy__op']);

/** These save their output but read it only for activations that they do not fuse while a gradient is recorded. */
const harmless = new Set(['fusedMatMul__op', 'fusedConv2d__op', 'fusedDepthwiseConv2d__op']);

let installed = false;

/**
 * Makes second derivatives of `customGrad` operations exact or an error, never silently wrong.
 *
 * A custom gradient that saves something it computed loses that value's dependence on the inputs when it is itself
 * differentiated. Inside a nested gradient tfjs-core's own such operations are therefore recorded as the plain
 * operations they consist of; those of other libraries refuse to be differentiated twice. First derivatives do not
 * change.
 */
export function installExactCustomGradients(): void {
  if (installed) return;
  installed = true;
  const tfjs = engine();
  const customGrad = tfjs.customGrad.bind(tfjs);
  const exact =
    (f: CustomGradient) =>
    (...inputs: Tensor[]): Tensor => {
      const scope = tfjs.state.activeScope?.name ?? '';
      if (tfjs.state.gradientDepth < 2 || harmless.has(scope)) return customGrad(f)(...inputs);
      if (recomputed.has(scope)) return f(...inputs, () => {}).value;
      return customGrad(refusingIfItReusesComputed(f))(...inputs);
    };
  tfjs.customGrad = exact as typeof tfjs.customGrad;
}

/** The same operation; its gradient throws when it is recorded and the operation saved a real tensor made inside it. */
function refusingIfItReusesComputed(f: CustomGradient): CustomGradient {
  return (...inputsAndSave) => {
    const save = inputsAndSave.pop() as Save;
    const marker = scalar(0); // tensors made from here on have larger ids
    marker.dispose();
    let reusesComputed = false;
    const watchedSave: Save = (tensors) => {
      reusesComputed ||= tensors.some(({ id, dtype }) => id > marker.id && dtype === 'float32');
      save(tensors);
    };
    const { value, gradFunc } = f(...inputsAndSave, watchedSave);
    return {
      value,
      gradFunc: (dy, saved) => {
        if (reusesComputed && engine().state.gradientDepth > 0) {
          throw new ColdstartError(
            'NOT_TWICE_DIFFERENTIABLE',
            'a customGrad operation whose gradient reuses a tensor that it computed was differentiated twice, ' +
              'which tfjs would silently get wrong. Save only its inputs and compute the rest from them in gradFunc.',
          );
        }
        return gradFunc(dy, saved);
      },
    };
  };
}
