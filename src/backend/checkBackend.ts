import { grads, matMul, square, sum, tensor2d, type Scalar, type Tensor2D } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../errors.js';
import './autodiff/exactGradients.js';
import { readComputed } from './readValues.js';

/**
 * Computes a product and a gradient on the current backend and compares them with plain float64 loops.
 * @throws ColdstartError naming the first value that is wrong
 */
export async function checkBackend(): Promise<void> {
  const [rows, inner, columns] = [5, 7, 6];
  const x = Float32Array.from({ length: rows * inner }, (_, i) => Math.sin(i + 1));
  const w = Float32Array.from({ length: inner * columns }, (_, i) => Math.cos(i + 1));
  const product = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      for (let i = 0; i < inner; i++) product[r * columns + c] += x[r * inner + i] * w[i * columns + c];
  // sum((x w)²) has the gradient 2 xᵀ (x w) for w.
  const gradient = new Float64Array(inner * columns);
  for (let i = 0; i < inner; i++)
    for (let c = 0; c < columns; c++)
      for (let r = 0; r < rows; r++) gradient[i * columns + c] += 2 * x[r * inner + i] * product[r * columns + c];
  const [foundProduct, foundGradient] = await readComputed(() => {
    const xTensor = tensor2d(x, [rows, inner]);
    const wTensor = tensor2d(w, [inner, columns]);
    const [found] = grads((weight) => sum(square(matMul(xTensor, weight as Tensor2D))) as Scalar)([wTensor]);
    return [matMul(xTensor, wTensor), found];
  });
  compare(foundProduct, product, 'product');
  compare(foundGradient, gradient, 'gradient');
}

function compare(found: ArrayLike<number>, expected: Float64Array, what: string): void {
  expected.forEach((value, i) => {
    if (!(Math.abs(found[i] - value) <= 1e-4 * (1 + Math.abs(value)))) {
      throw new ColdstartError(
        'BACKEND_WRONG',
        `wrong results: element ${i} of a matrix ${what} is ${found[i]}, expected ${value}. Use another backend and report this.`,
      );
    }
  });
}
