/**
 * The tensors in coldstart's types: exactly tfjs's where `import * as tf from 'coldstart/tfjs'` is written, anything
 * otherwise. Nothing here imports tfjs's declarations, since they do not compile everywhere: TypeScript 7 rejects them
 * without `skipLibCheck`.
 */
export interface TensorTypes {}

export type Tensor = TensorTypes extends { tensor: infer T } ? T : any;
export type Tensor1D = TensorTypes extends { tensor1D: infer T } ? T : any;
export type Scalar = TensorTypes extends { scalar: infer T } ? T : any;
export type TensorInfo = TensorTypes extends { tensorInfo: infer T } ? T : any;

/** Declared by the DOM's types and by Node's; empty where a project has neither. */
declare global {
  interface AbortSignal {}
  interface URL {}
}
