/** A matrix in 8 bits. w[row, column] is about (values - 128) * scales[row]; the error is at most half a scale. */
export interface EightBits {
  /** [rows, columns], 1 to 255. */
  readonly values: Uint8Array;
  /** [rows], above 0. */
  readonly scales: Float32Array;
}

/** The value that represents 0. Unsigned values, since products of signed ones overflow on processors without VNNI. */
export const zeroPoint8 = 128;

/** One scale per row, from its largest absolute value. @param matrix [rows, columns] */
export function eightBits(matrix: Float32Array, rows: number, columns: number): EightBits {
  const values = new Uint8Array(matrix.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) largest = Math.max(largest, Math.abs(matrix[i]));
    scales[row] = largest === 0 ? 1 : largest / 127;
    if (scales[row] === 0) scales[row] = 1; // the quotient can be too small for a float
    for (let i = row * columns; i < (row + 1) * columns; i++)
      values[i] = Math.max(-127, Math.min(127, Math.round(matrix[i] / scales[row]))) + zeroPoint8;
  }
  return { values, scales };
}

/** Values that share a scale in 4 bits. */
export const blockSize4 = 32;

/** A matrix in 4 bits, as the operator MatMulNBits reads it. w[row, column] is about (q - 8) * scale of its block. */
export interface FourBits {
  /** [rows, blocks, 16]: two values a byte, the first in the lower half; rows are filled up with 8, which is 0. */
  readonly values: Uint8Array;
  /** [rows, blocks] */
  readonly scales: Float32Array;
  readonly blocks: number;
}

/**
 * The largest absolute value of each block becomes 0, that is -8, so its scale may be negative. @param matrix [rows,
 * columns]
 */
export function fourBits(matrix: Float32Array, rows: number, columns: number): FourBits {
  const blocks = Math.ceil(columns / blockSize4);
  const values = new Uint8Array((rows * blocks * blockSize4) / 2).fill(0x88);
  const scales = new Float32Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * blockSize4;
      const part = matrix.subarray(start, row * columns + Math.min(columns, (block + 1) * blockSize4));
      const largest = part.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
      const at = row * blocks + block;
      scales[at] = largest / -8;
      if (scales[at] === 0) scales[at] = 1;
      part.forEach((value, i) => {
        const q = Math.min(15, Math.max(0, Math.round(value / scales[at]) + 8));
        const byte = (at * blockSize4 + i) >> 1;
        values[byte] = i % 2 === 0 ? (values[byte] & 0xf0) | q : (values[byte] & 0x0f) | (q << 4);
      });
    }
  }
  return { values, scales, blocks };
}
