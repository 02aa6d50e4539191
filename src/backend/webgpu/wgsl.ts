import type { DataType } from '@tensorflow/tfjs-core';

/** WGSL's type of the elements of a tensor. */
export function elementType(dtype: DataType): 'f32' | 'i32' {
  return dtype === 'float32' ? 'f32' : 'i32';
}

/** Begins an entry point whose threads are numbered by `thread`, in workgroups of 64. */
export const threadHeader = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = (group.y * groups.x + group.x) * 64u + local;`;
