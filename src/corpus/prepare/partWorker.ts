/** A thread that does jobs on parts, one after the other. */
import { parentPort } from 'node:worker_threads';
import { ColdstartError } from '../../errors.js';
import { doPart, type PartReply, type PartRequest } from './partPool.js';
import { TaskRunner } from './partTasks.js';

const runner = new TaskRunner();
parentPort!.on('message', (request: PartRequest) => {
  doPart(runner, request)
    .then(
      (result): PartReply => ({ result }),
      (error: Error): PartReply => {
        const { code } = error as NodeJS.ErrnoException;
        return {
          error: {
            kind: error.name,
            code: error instanceof ColdstartError || typeof code === 'string' ? code : undefined,
            message: error instanceof ColdstartError ? error.message : (error.stack ?? error.message),
          },
        };
      },
    )
    .then((reply) => parentPort!.postMessage(reply));
});
