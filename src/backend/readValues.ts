import { concat, engine, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';

/** A tensor of float32 or int32 numbers; what a program reads of it. */
type Numbers = Float32Array | Int32Array;

/**
 * The values of tensors. Every read of the training loop, GradInit, validation and decoding goes through here. On a GPU
 * it is asynchronous: a browser has no other way, and in Node JavaScript gets ahead of the card. Other backends are
 * read at once, which is faster.
 *
 * All tensors are read together, as they are when this is called; they may be disposed before the values arrive.
 */
export function readValues<V extends Numbers = Float32Array>(tensors: readonly Tensor[]): Promise<V[]> {
  const reading = isReadLater() ? Promise.all(tensors.map((tensor) => tensor.data())) : readNow(tensors);
  reading.catch(() => {}); // a caller that awaits it still gets the error; after another error none may
  return reading as unknown as Promise<V[]>;
}

/** The values of scalars and vectors one after the other, in one read. */
export async function readNumbers(tensors: readonly Tensor[]): Promise<number[]> {
  if (!isReadLater() || tensors.length < 2) return (await readValues(tensors)).flatMap((values) => [...values]);
  const [values] = await readComputed(() => [concat(tensors.map((tensor) => reshape(tensor, [tensor.size])))]);
  return [...values];
}

/** The values of tensors that `compute` gives; they are released with all that it makes. */
export function readComputed<V extends Numbers = Float32Array>(compute: () => readonly Tensor[]): Promise<V[]> {
  let reading!: Promise<V[]>;
  tidy(() => {
    reading = readValues(compute());
  });
  return reading;
}

function isReadLater(): boolean {
  return engine().backendName === 'webgpu';
}

async function readNow(tensors: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  return tensors.map((tensor) => tensor.dataSync());
}
