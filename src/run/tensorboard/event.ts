import { encodeMessage, packedDoubles, utf8 } from '../../storage/protobuf.js';

/**
 * Messages of TensorFlow's event.proto and summary.proto, in the wire format of protocol buffers. Only what a training
 * run writes.
 */

/** What happened, at a wall-clock time in seconds since 1970 and after a number of updates. */
export interface EventHead {
  readonly wallTime: number;
  readonly step: number;
}

/** The first event of every file. */
export function fileVersionEvent(wallTime: number): Uint8Array {
  return encodeMessage([
    [1, 'double', wallTime],
    [3, 'bytes', utf8('brain.Event:2')],
  ]);
}

/** Signals readers that a run starts again: values from `step` on in earlier files no longer count. */
export function restartEvent({ wallTime, step }: EventHead): Uint8Array {
  const start = 1;
  return encodeMessage([
    [1, 'double', wallTime],
    [2, 'int', step],
    [7, 'bytes', encodeMessage([[1, 'int', start]])],
  ]);
}

export function scalarsEvent({ wallTime, step }: EventHead, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    encodeMessage([
      [1, 'bytes', utf8(tag)],
      [2, 'float', value],
    ]),
  );
  return summaryEvent({ wallTime, step }, values);
}

/** @param histograms values by tag */
export function histogramsEvent({ wallTime, step }: EventHead, histograms: ReadonlyMap<string, Histogram>): Uint8Array {
  const values = Array.from(histograms, ([tag, { min, max, count, sum, sumSquares, limits, counts }]) =>
    encodeMessage([
      [1, 'bytes', utf8(tag)],
      [
        5,
        'bytes',
        encodeMessage([
          [1, 'double', min],
          [2, 'double', max],
          [3, 'double', count],
          [4, 'double', sum],
          [5, 'double', sumSquares],
          [6, 'bytes', packedDoubles(limits)],
          [7, 'bytes', packedDoubles(counts)],
        ]),
      ],
    ]),
  );
  return summaryEvent({ wallTime, step }, values);
}

function summaryEvent({ wallTime, step }: EventHead, values: readonly Uint8Array[]): Uint8Array {
  return encodeMessage([
    [1, 'double', wallTime],
    [2, 'int', step],
    [5, 'bytes', encodeMessage(values.map((value) => [1, 'bytes', value]))],
  ]);
}

/** The distribution of values: `counts[i]` of them are above `limits[i - 1]` and not above `limits[i]`. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

const numBuckets = 32;
/** More values than these add nothing visible. */
const mostValues = 2 ** 16;

/**
 * Buckets of equal width from the least value to the greatest. Of many values every n-th counts. n is odd, so that all
 * columns count in a matrix whose row length is a power of two.
 */
export function histogramOf(values: ArrayLike<number>): Histogram {
  const every = values.length > mostValues ? Math.ceil(values.length / mostValues) | 1 : 1;
  const count = Math.ceil(values.length / every);
  let [min, max, sum, sumSquares] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < values.length; i += every) {
    const value = values[i];
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    sumSquares += value * value;
  }
  const width = (max - min) / numBuckets;
  if (!(width > 0)) return { min, max, count, sum, sumSquares, limits: [max], counts: [count] };
  const counts = new Array<number>(numBuckets).fill(0);
  for (let i = 0; i < values.length; i += every)
    counts[Math.min(numBuckets - 1, Math.max(0, Math.ceil((values[i] - min) / width) - 1))]++;
  return {
    min,
    max,
    count,
    sum,
    sumSquares,
    limits: counts.map((_, i) => (i === numBuckets - 1 ? max : min + width * (i + 1))),
    counts,
  };
}
