// Single-precision matrix products in the manner of Goto and van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication": B is packed into panels of 8 columns, A block by block into panels of 6 rows, and a kernel that
// keeps a 6 x 8 tile in registers (12 accumulators, as many as 16 registers allow) runs over them. Packing takes any
// strides, so that a transposed operand costs no more than a plain one.

const tileRows: i32 = 6;
const tileColumns: i32 = 8;
/** Depth of a block: a B panel of 256 x 8 floats stays in the first-level cache. */
const blockDepth: i32 = 256;
/** Rows of a block: 96 x 256 floats of A stay in the second-level cache. */
const blockRows: i32 = 96;

/** Bytes of scratch for a packed block of A and one tile. */
export function gemmScratchBytes(): i32 {
  return (blockRows * blockDepth + tileRows * tileColumns) << 2;
}

/** Bytes of a packed B [depth, columns]; like all sizes that may pass 4 GiB a float64, for the allocator to refuse. */
export function packedBytes(depth: i32, columns: i32): f64 {
  return 4 * <f64>depth * <f64>roundUp(columns, tileColumns);
}

// @ts-ignore: decorator
@inline
function roundUp(value: i32, multiple: i32): i32 {
  return ((value + multiple - 1) / multiple) * multiple;
}

/**
 * Packs B [depth, columns], whose element (k, n) is at b + 4 (k rowStride + n columnStride), for gemmPacked:
 * depth blocks, in them panels of 8 columns, in them rows; missing columns are zero.
 */
export function packB(depth: i32, columns: i32, b: usize, rowStride: i32, columnStride: i32, packed: usize): void {
  let to = packed;
  for (let k0 = 0; k0 < depth; k0 += blockDepth) {
    const kc = min(blockDepth, depth - k0);
    for (let n0 = 0; n0 < columns; n0 += tileColumns) {
      const from = b + ((k0 * rowStride + n0 * columnStride) << 2);
      const width = min(tileColumns, columns - n0);
      if (width < tileColumns) packEdge(kc, width, tileColumns, from, rowStride, columnStride, to);
      else if (columnStride == 1) copyPanel8(kc, from, <usize>rowStride << 2, to);
      else if (rowStride == 1) transposePanel8(kc, from, <usize>columnStride << 2, to);
      else packEdge(kc, width, tileColumns, from, rowStride, columnStride, to);
      to += <usize>(kc * tileColumns) << 2;
    }
  }
}

/** A panel with missing columns or odd strides, element by element, padded with zeros. */
function packEdge(kc: i32, width: i32, paddedWidth: i32, from: usize, rowStride: i32, columnStride: i32, to: usize): void {
  for (let k = 0; k < kc; k++) {
    const row = from + ((k * rowStride) << 2);
    for (let n = 0; n < paddedWidth; n++) {
      store<f32>(to + (n << 2), n < width ? load<f32>(row + ((n * columnStride) << 2)) : 0);
    }
    to += paddedWidth << 2;
  }
}

function copyPanel8(kc: i32, from: usize, rowBytes: usize, to: usize): void {
  for (let k = 0; k < kc; k++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += rowBytes;
    to += 32;
  }
}

/** Writes four columns of four rows (r0 … r3) as four rows, `stride` bytes apart. */
// @ts-ignore: decorator
@inline
function storeTransposed(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, stride: usize): void {
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + stride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * stride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * stride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

function transposePanel8(kc: i32, from: usize, columnBytes: usize, to: usize): void {
  const c1 = columnBytes, c2 = c1 + c1, c3 = c2 + c1, c4 = c2 + c2;
  let k = 0;
  for (; k + 4 <= kc; k += 4) {
    storeTransposed(v128.load(from), v128.load(from + c1), v128.load(from + c2), v128.load(from + c3), to, 32);
    const next = from + c4;
    storeTransposed(v128.load(next), v128.load(next + c1), v128.load(next + c2), v128.load(next + c3), to + 16, 32);
    from += 16;
    to += 128;
  }
  for (; k < kc; k++) {
    for (let n: usize = 0; n < 8; n++) store<f32>(to + (n << 2), load<f32>(from + n * columnBytes));
    from += 4;
    to += 32;
  }
}

/** Packs `rows` x `kc` of A (element (m, k) at a + 4 (m rowStride + k columnStride)) into panels of 6 rows. */
function packA(rows: i32, kc: i32, a: usize, rowStride: i32, columnStride: i32, to: usize): void {
  for (let m0 = 0; m0 < rows; m0 += tileRows) {
    const from = a + ((m0 * rowStride) << 2);
    const height = min(tileRows, rows - m0);
    if (height < tileRows) packEdge(kc, height, tileRows, from, columnStride, rowStride, to);
    else if (rowStride == 1) copyPanel6(kc, from, <usize>columnStride << 2, to);
    else if (columnStride == 1) transposePanel6(kc, from, <usize>rowStride << 2, to);
    else packEdge(kc, height, tileRows, from, columnStride, rowStride, to);
    to += <usize>(kc * tileRows) << 2;
  }
}

function copyPanel6(kc: i32, from: usize, stepBytes: usize, to: usize): void {
  for (let k = 0; k < kc; k++) {
    v128.store(to, v128.load(from));
    store<u64>(to, load<u64>(from, 16), 16);
    from += stepBytes;
    to += 24;
  }
}

function transposePanel6(kc: i32, from: usize, rowBytes: usize, to: usize): void {
  const r1 = rowBytes, r2 = r1 + r1, r3 = r2 + r1, r4 = r2 + r2, r5 = r3 + r2;
  let k = 0;
  for (; k + 4 <= kc; k += 4) {
    storeTransposed(v128.load(from), v128.load(from + r1), v128.load(from + r2), v128.load(from + r3), to, 24);
    const row4 = v128.load(from + r4);
    const row5 = v128.load(from + r5);
    const low = v128.shuffle<f32>(row4, row5, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(row4, row5, 2, 6, 3, 7);
    v128.store_lane<u64>(to, low, 0, 16);
    v128.store_lane<u64>(to, low, 1, 40);
    v128.store_lane<u64>(to, high, 0, 64);
    v128.store_lane<u64>(to, high, 1, 88);
    from += 16;
    to += 96;
  }
  for (; k < kc; k++) {
    for (let m: usize = 0; m < 6; m++) store<f32>(to + (m << 2), load<f32>(from + m * rowBytes));
    from += 4;
    to += 24;
  }
}

/**
 * C [rows, columns] = A B (+ bias) or, with `accumulate`, C += A B; then ReLU if `relu`.
 * @param a element (m, k) at a + 4 (m rowStride + k columnStride)
 * @param packed B from packB
 * @param c row-major, rows cStride floats apart
 * @param bias [columns] or 0; not with accumulate
 * @param scratch gemmScratchBytes() bytes
 */
export function gemmPacked(rows: i32, columns: i32, depth: i32, a: usize, rowStride: i32, columnStride: i32, packed: usize,
  c: usize, cStride: i32, bias: usize, accumulate: bool, relu: bool, scratch: usize): void {
  const tile = scratch + (<usize>(blockRows * blockDepth) << 2);
  const cBytes = <usize>cStride << 2;
  const paddedColumns = roundUp(columns, tileColumns);
  if (depth == 0) {
    if (!accumulate) writeSumsOfNothing(rows, columns, c, cBytes, bias, relu);
    return;
  }
  for (let k0 = 0; k0 < depth; k0 += blockDepth) {
    const kc = min(blockDepth, depth - k0);
    const packedBlock = packed + (<usize>(k0 * paddedColumns) << 2);
    const add = accumulate || k0 > 0;
    const clamp = relu && k0 + kc == depth;
    for (let m0 = 0; m0 < rows; m0 += blockRows) {
      const mc = min(blockRows, rows - m0);
      packA(mc, kc, a + (<usize>(m0 * rowStride + k0 * columnStride) << 2), rowStride, columnStride, scratch);
      for (let n0 = 0; n0 < columns; n0 += tileColumns) {
        const panelB = packedBlock + (<usize>(n0 * kc) << 2);
        const width = min(tileColumns, columns - n0);
        let to = c + <usize>m0 * cBytes + (<usize>n0 << 2);
        for (let m1 = 0; m1 < mc; m1 += tileRows) {
          const panelA = scratch + (<usize>(m1 * kc) << 2);
          const height = min(tileRows, mc - m1);
          if (height == tileRows && width == tileColumns) {
            multiplyTile(kc, panelA, panelB, to, cBytes, bias == 0 || add ? 0 : bias + (<usize>n0 << 2), add, clamp);
          } else {
            multiplyTile(kc, panelA, panelB, tile, 32, 0, false, false);
            copyEdge(height, width, tile, to, cBytes, bias == 0 || add ? 0 : bias + (<usize>n0 << 2), add, clamp);
          }
          to += <usize>tileRows * cBytes;
        }
      }
    }
  }
}

/** The result of a product with inner size 0: the bias, or zeros. */
function writeSumsOfNothing(rows: i32, columns: i32, c: usize, cBytes: usize, bias: usize, relu: bool): void {
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < columns; n++) {
      const value: f32 = bias == 0 ? 0 : load<f32>(bias + (<usize>n << 2));
      store<f32>(c + (<usize>n << 2), relu ? max<f32>(value, 0) : value);
    }
    c += cBytes;
  }
}

/**
 * A batch of products [rows, depth] x [depth, columns]; operands start aBatch, bBatch and rows x columns
 * floats after those of the previous product (0: the same operand again).
 * @param scratch packedBytes(depth, columns) + gemmScratchBytes() bytes
 */
export function multiplyBatch(batch: i32, rows: i32, columns: i32, depth: i32, a: usize, aRow: i32, aColumn: i32, aBatch: i32,
  b: usize, bRow: i32, bColumn: i32, bBatch: i32, c: usize, scratch: usize): void {
  const gemmScratch = scratch + <usize>packedBytes(depth, columns);
  for (let n = 0; n < batch; n++) {
    if (n == 0 || bBatch != 0) packB(depth, columns, b, bRow, bColumn, scratch);
    gemmPacked(rows, columns, depth, a, aRow, aColumn, scratch, c, columns, 0, false, false, gemmScratch);
    a += <usize>aBatch << 2;
    b += <usize>bBatch << 2;
    c += <usize>(rows * columns) << 2;
  }
}

function copyEdge(height: i32, width: i32, tile: usize, c: usize, cBytes: usize, bias: usize, add: bool, clamp: bool): void {
  for (let m = 0; m < height; m++) {
    for (let n = 0; n < width; n++) {
      let value = load<f32>(tile + ((m * tileColumns + n) << 2));
      if (add) value += load<f32>(c + (n << 2));
      if (bias != 0) value += load<f32>(bias + (n << 2));
      store<f32>(c + (n << 2), clamp ? max<f32>(value, 0) : value);
    }
    c += cBytes;
  }
}

// @ts-ignore: decorator
@inline
function finish(x: v128, to: usize, add: bool, clamp: bool): void {
  if (add) x = f32x4.add(x, v128.load(to));
  if (clamp) x = f32x4.max(x, f32x4.splat(0));
  v128.store(to, x);
}

function multiplyTile(kc: i32, a: usize, b: usize, c: usize, cBytes: usize, bias: usize, add: bool, clamp: bool): void {
  let left = f32x4.splat(0);
  let right = f32x4.splat(0);
  if (bias != 0) {
    left = v128.load(bias);
    right = v128.load(bias, 16);
  }
  let s00 = left, s01 = right, s10 = left, s11 = right, s20 = left, s21 = right;
  let s30 = left, s31 = right, s40 = left, s41 = right, s50 = left, s51 = right;
  const end = a + (<usize>(kc * tileRows) << 2);
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    s00 = f32x4.add(s00, f32x4.mul(x, b0));
    s01 = f32x4.add(s01, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 4);
    s10 = f32x4.add(s10, f32x4.mul(x, b0));
    s11 = f32x4.add(s11, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 8);
    s20 = f32x4.add(s20, f32x4.mul(x, b0));
    s21 = f32x4.add(s21, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 12);
    s30 = f32x4.add(s30, f32x4.mul(x, b0));
    s31 = f32x4.add(s31, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 16);
    s40 = f32x4.add(s40, f32x4.mul(x, b0));
    s41 = f32x4.add(s41, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 20);
    s50 = f32x4.add(s50, f32x4.mul(x, b0));
    s51 = f32x4.add(s51, f32x4.mul(x, b1));
    a += 24;
    b += 32;
  }
  finish(s00, c, add, clamp);
  finish(s01, c + 16, add, clamp);
  c += cBytes;
  finish(s10, c, add, clamp);
  finish(s11, c + 16, add, clamp);
  c += cBytes;
  finish(s20, c, add, clamp);
  finish(s21, c + 16, add, clamp);
  c += cBytes;
  finish(s30, c, add, clamp);
  finish(s31, c + 16, add, clamp);
  c += cBytes;
  finish(s40, c, add, clamp);
  finish(s41, c + 16, add, clamp);
  c += cBytes;
  finish(s50, c, add, clamp);
  finish(s51, c + 16, add, clamp);
}
