import type { DataType } from '@tensorflow/tfjs-core';
import { philoxKey } from '../../random/philox.js';
import { dropThreshold } from '../ops/dropout.js';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import { isPack, type Bound } from './packs.js';
import type { GpuBackend } from './webGpuBackend.js';

/** WGSL's type of the elements of a tensor. */
export function elementType(dtype: DataType): 'f32' | 'i32' {
  return dtype === 'float32' ? 'f32' : 'i32';
}

const header = (groupSize: number, parameters = ''): string => `@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32${parameters && `, ${parameters}`}) {`;

/**
 * Begins an entry point: `index` is the workgroup's number, `local` the thread's in it.
 * @param parameters further ones
 */
export function entryPoint(groupSize: number, parameters?: string): string {
  return `${header(groupSize, parameters)}
  let index = group.y * groups.x + group.x;`;
}

/** Begins an entry point whose threads are numbered by `thread`, in workgroups of 64. */
export const threadHeader = `${header(64)}
  let thread = (group.y * groups.x + group.x) * 64u + local;`;

/** A program whose bindings are declared by their names. */
export interface NamedProgram {
  /** Programs with the same key have the same code, and bindings of the same names and types. */
  readonly key: string;
  /** WGSL after the declarations: outputs and inputs are arrays, uniforms are fields of `given`. */
  readonly code: () => string;
  readonly outputs: Readonly<Record<string, Bound>>;
  readonly inputs: Readonly<Record<string, Bound>>;
  /** Uniforms of type u32. */
  readonly integers?: Readonly<Record<string, number>>;
  /** Uniforms of type f32. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly groups: number;
  readonly groupSize: number;
  /** Directives of WGSL for what only some devices have. */
  readonly enable?: string;
}

/** Runs a program with declared bindings. */
export function runProgram(
  backend: GpuBackend,
  { key, code, outputs, inputs, integers = {}, floats = {}, groups, groupSize, enable = '' }: NamedProgram,
): void {
  backend.compute({
    key,
    code: () => `${enable}${declarations(outputs, inputs, integers, floats)}${code()}`,
    outputs: Object.values(outputs),
    inputs: Object.values(inputs),
    uniforms: words(Object.values(integers), Object.values(floats)),
    threads: groups * groupSize,
    groupSize,
  });
}

function declarations(
  outputs: NamedProgram['outputs'],
  inputs: NamedProgram['inputs'],
  integers: object,
  floats: object,
): string {
  const array = ([name, bound]: [string, Bound], access: string, binding: number): string =>
    `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${isPack(bound) ? 'f32' : elementType(bound.dtype)}>;\n`;
  const written = Object.entries(outputs);
  const read = Object.entries(inputs);
  const fields = [
    ...Object.keys(integers).map((name) => `${name}: u32`),
    ...Object.keys(floats).map((name) => `${name}: f32`),
  ];
  return `${written.map((entry, i) => array(entry, 'read_write', i)).join('')}${read
    .map((entry, i) => array(entry, 'read', written.length + i))
    .join('')}struct Given { ${fields.join(', ')} }
@group(0) @binding(${written.length + read.length}) var<uniform> given: Given;
`;
}

/** The bits of a program's uniforms. */
function words(integers: readonly number[], floats: readonly number[]): ArrayBuffer {
  const buffer = new ArrayBuffer(4 * (integers.length + floats.length));
  new Uint32Array(buffer, 0, integers.length).set(integers);
  new Float32Array(buffer, 4 * integers.length).set(floats);
  return buffer;
}

/** A draw as uniforms, for `keptCode`. */
export function drawUniforms(draw: DropoutDraw | undefined): {
  integers: Record<string, number>;
  floats: Record<string, number>;
} {
  if (draw === undefined) return { integers: {}, floats: {} };
  const { rate, seed, step, microBatch, site } = draw;
  const [key0, key1] = philoxKey(seed);
  return {
    // known to the device only: software devices take minutes to compile the rounds one after the other
    integers: { key0, key1, site, step, microBatch, threshold: dropThreshold(rate), rounds: 10 },
    floats: { keptScale: 1 / (1 - rate) },
  };
}

/**
 * `drawn(n)`: the random words of elements 4 n to 4 n + 3. `kept(element)`: its factor, 0 where it is dropped. As
 * dropout.ts says.
 */
export const keptCode = `
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let middleLow = (middle & 0xffffu) + (a & 0xffffu) * (b >> 16u);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (middleLow >> 16u);
}

fn drawn(four: u32) -> vec4u {
  var c = vec4u(four, given.site, given.step, given.microBatch);
  var key = vec2u(given.key0, given.key1);
  for (var round = 0u; round < given.rounds; round++) {
    c = vec4u(
      multiplyHigh(0xcd9e8d57u, c.z) ^ c.y ^ key.x,
      0xcd9e8d57u * c.z,
      multiplyHigh(0xd2511f53u, c.x) ^ c.w ^ key.y,
      0xd2511f53u * c.x,
    );
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

fn kept(element: u32) -> f32 {
  return select(0.0, given.keptScale, drawn(element / 4u)[element % 4u] >= given.threshold);
}
`;

/** `kept` where something is dropped, and 1 everywhere where nothing is. */
export function keptCodeOf(draw: DropoutDraw | undefined): string {
  return draw === undefined ? 'fn kept(element: u32) -> f32 { return 1.0; }\n' : keptCode;
}

/**
 * `name(value, local)`: the sum over `width` neighbouring threads, or their largest value, the same for each of them.
 * Sums have a fixed order. All threads of the workgroup call it.
 * @param width a power of two
 */
export function reduceCode(name: string, groupSize: number, width: number, operation: 'sum' | 'max' = 'sum'): string {
  const joined = operation === 'sum' ? 'mine + other' : 'max(mine, other)';
  return `
var<workgroup> ${name}Parts: array<f32, ${groupSize}>;
fn ${name}(value: f32, local: u32) -> f32 {
  ${name}Parts[local] = value;
  workgroupBarrier();
  for (var step = ${width / 2}u; step > 0u; step /= 2u) {
    if (local % ${width}u < step) {
      let mine = ${name}Parts[local];
      let other = ${name}Parts[local + step];
      ${name}Parts[local] = ${joined};
    }
    workgroupBarrier();
  }
  let result = ${name}Parts[local / ${width}u * ${width}u];
  workgroupBarrier();
  return result;
}
`;
}
