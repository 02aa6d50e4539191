/** The process of one run: started by runProcess.ts, which sends the task and receives events. */
import { isDivergence, run } from '../run/run.js';
import { handleOutputErrors } from '../storage/outputStreams.js';
import { systemFailure } from '../storage/systemFailure.js';
import type { FromRun, ToRun } from './runProcess.js';

handleOutputErrors();
const controller = new AbortController();
// An interrupt at the terminal, or its end, reaches every process of the group; the parent decides and says "stop".
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
process.on('disconnect', () => controller.abort(new Error('the parent process is gone')));
process.on('message', (message: ToRun) => {
  if (message === 'stop') controller.abort(new Error('stopped'));
  else void work(message.task);
});

async function work(task: Extract<ToRun, object>['task']): Promise<void> {
  let last: FromRun;
  try {
    await run({ ...task, resume: true, signal: controller.signal, onEvent: (event) => send({ event }) });
    last = { outcome: 'done' };
  } catch (error) {
    if (controller.signal.aborted) last = { outcome: 'stopped' };
    else if (isDivergence(error)) last = { outcome: 'done' };
    else
      last = {
        outcome: 'failed',
        message: (systemFailure(error) ?? (error as Error)).message,
        stack: (error as Error).stack,
      };
  }
  send(last, () => process.exit(0));
}

function send(message: FromRun, sent: () => void = () => {}): void {
  if (process.connected) process.send!(message, sent);
  else sent();
}
