import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('another module that is instantiated meanwhile, as by the fetch of Node 22, is not mistaken for that of tfjs', () => {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    // a module that exports a memory of one page
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0]);
    const { loadWasm } = await import(${url('./loadWasm.js')});
    const loading = loadWasm();
    const { exports } = await WebAssembly.instantiate(new WebAssembly.Module(bytes));
    const other = await WebAssembly.instantiate(bytes);
    await loading;
    const tf = await import('@tensorflow/tfjs-core');
    await tf.setBackend('wasm');
    const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
    console.log(exports.memory.buffer.byteLength, other.instance.exports.memory.buffer.byteLength, [...product.dataSync()].join());`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '65536 65536 19,22,43,50\n');
});
