import { selectBackend } from '../src/backend/select.js';
import { loadedGpuBackend } from '../src/backend/webgpu/loadWebGpu.js';
import type { ColdstartError } from '../src/errors.js';
import { train } from '../src/train/trainer.js';
import { tinyTask } from './tinyRun.js';

/*
 * Trains the run `lost` in the folder that the argument names, and destroys the device after update 12. A separate
 * process, because the backend is of no use afterwards. Prints the error's code and message as JSON.
 */
await selectBackend('webgpu');
const { device } = await loadedGpuBackend();
const onUpdate = ({ update }: { update: number }): void => {
  if (update === 12) device.destroy();
};
const { code, message } = await train(tinyTask(process.argv[2], 'lost', {}, { onUpdate })).then(
  () => ({ code: 'finished', message: '' }),
  (error: ColdstartError) => error,
);
console.log(JSON.stringify({ code, message }));
