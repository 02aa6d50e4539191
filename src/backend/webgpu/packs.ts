import type { TensorInfo } from '@tensorflow/tfjs-core';

/** Several float32 tensors in one buffer. A program binds them once and finds each by its offset. */
export interface Pack {
  readonly tensors: readonly TensorInfo[];
  readonly buffer: GPUBuffer;
  /** Of the range to bind: bytes. */
  readonly start: number;
  readonly size: number;
  /** Where each tensor begins: elements from `start`. */
  readonly offsets: readonly number[];
}

/** What a program binds. */
export type Bound = TensorInfo | Pack;

export function isPack(bound: Bound): bound is Pack {
  return 'offsets' in bound;
}

/** The tensors of what is bound. */
export function tensorsOf(bound: Bound): readonly TensorInfo[] {
  return isPack(bound) ? bound.tensors : [bound];
}

/** A program cannot bind fewer bytes than four numbers have. */
export const leastBytes = 16;

/**
 * Places of tensors one after the other, each where a binding may begin.
 * @param sizes bytes of each
 * @param alignment bytes
 * @returns the first byte of each, and all bytes
 */
export function placesOf(sizes: readonly number[], alignment: number): { places: number[]; total: number } {
  let total = 0;
  const places = sizes.map((size) => {
    const place = total;
    total += Math.ceil(Math.max(leastBytes, size) / alignment) * alignment;
    return place;
  });
  return { places, total };
}

/**
 * The largest parts of a list, one after the other, that each can be bound at once.
 * @param sizes bytes of each tensor
 * @param most bytes of a binding; a tensor of more is a part by itself
 */
export function bindableParts(
  sizes: readonly number[],
  alignment: number,
  most: number,
): { readonly start: number; readonly end: number }[] {
  const { places, total } = placesOf(sizes, alignment);
  const ends = places.map((_, i) => places[i + 1] ?? total);
  const parts: { start: number; end: number }[] = [];
  ends.forEach((end, i) => {
    const part = parts.at(-1);
    if (part !== undefined && end - places[part.start] <= most) part.end = i + 1;
    else parts.push({ start: i, end: i + 1 });
  });
  return parts;
}
