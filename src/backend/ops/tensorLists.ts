import type { Tensor } from '@tensorflow/tfjs-core';

/** Kernel inputs for lists of tensors: `{ param: [a, b] }` becomes `{ param0: a, param1: b }`. */
export function numberedInputs(lists: Record<string, readonly Tensor[]>): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {};
  for (const [name, tensors] of Object.entries(lists))
    tensors.forEach((tensor, i) => {
      inputs[`${name}${i}`] = tensor;
    });
  return inputs;
}

/** Kernel outputs cut into lists of `count`. */
export function splitOutputs(outputs: readonly Tensor[], count: number): Tensor[][] {
  const lists: Tensor[][] = [];
  for (let start = 0; start < outputs.length; start += count) lists.push(outputs.slice(start, start + count));
  return lists;
}
