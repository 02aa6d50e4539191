/** A thread that does jobs on parts, one at a time. */
import { parentPort } from 'node:worker_threads';
import { ColdstartError } from '../../errors.js';
import { systemFailure } from '../../storage/systemFailure.js';
import { doPart, type PartReply, type PartRequest } from './partPool.js';
import { TaskRunner } from './partTasks.js';

const runner = new TaskRunner();
parentPort!.on('message', (request: PartRequest) => {
  void doPart(runner, request)
    .then(
      (result): PartReply => ({ result }),
      (error: Error): PartReply => {
        // system errors become sentences here: messages between threads lose the fields that the sentences need
        const known = error instanceof ColdstartError ? error : systemFailure(error);
        return {
          error: known
            ? { kind: known.name, code: known.code, message: known.message }
            : { kind: error.name, message: error.stack ?? error.message },
        };
      },
    )
    .then((reply) => parentPort!.postMessage(reply));
});
