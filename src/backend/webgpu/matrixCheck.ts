import type { DeviceEvents } from './deviceEvents.js';
import type { MatrixUnits } from './matrixUnits.js';
import { runProducts } from './products.js';
import type { GpuBackend } from './webGpuBackend.js';

/** No multiples of a tile, and several steps. */
const [rows, depth, columns] = [40, 72, 50];

/** Small whole numbers, whose products and sums float32 and f16 hold exactly. */
const aAt = (row: number, k: number): number => ((row * 7 + k * 3) % 13) - 6;
const bAt = (k: number, column: number): number => ((k * 5 + column * 11) % 17) - 8;

/**
 * Whether products by matrix units have the right values. The feature is experimental, and drivers have faults: units
 * that fail here are not used. A fault that the device reports is no fault of the backend.
 */
export async function multipliesRightly(
  backend: GpuBackend,
  units: MatrixUnits,
  events: DeviceEvents,
): Promise<boolean> {
  const { device } = backend;
  const matrix = (height: number, width: number, at: (i: number, j: number) => number): Float32Array =>
    Float32Array.from({ length: height * width }, (_, i) => at(Math.floor(i / width), i % width));
  const a = backend.makeTensorInfo([rows, depth], 'float32', matrix(rows, depth, aAt));
  const b = backend.makeTensorInfo([depth, columns], 'float32', matrix(depth, columns, bAt));
  const out = backend.makeTensorInfo([rows, columns], 'float32');
  for (const filter of ['internal', 'validation'] as const) device.pushErrorScope(filter);
  const { matrixUnits } = backend;
  backend.matrixUnits = units;
  backend.withPrecision('f16', () =>
    runProducts(backend, {
      key: 'matrix check',
      code: () => '',
      outputs: { out },
      inputs: { a, b },
      products: () => [
        {
          name: 'check',
          rows: `${rows}u`,
          columns: `${columns}u`,
          terms: [
            {
              depth: `${depth}u`,
              a: { value: `a[row * ${depth}u + k]`, along: 'k' },
              b: { value: `b[k * ${columns}u + column]`, along: 'other' },
            },
          ],
          store: `out[row * ${columns}u + column] = value;`,
        },
      ],
      calls: [{ name: 'check', rows, columns }],
    }),
  );
  backend.matrixUnits = matrixUnits;
  backend.endComputePassEncoder();
  backend.submitQueue();
  const scopes = ['validation', 'internal'].map(() => events.during(() => device.popErrorScope()));
  const faults = await Promise.all(scopes);
  const found = await backend.read(out.dataId);
  for (const { dataId } of [a, b, out]) backend.disposeData(dataId);
  return (
    faults.every((fault) => fault === null) &&
    matrix(rows, columns, (row, column) => {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += aAt(row, k) * bAt(k, column);
      return sum;
    }).every((sum, i) => found[i] === sum)
  );
}
