import { openBinarize } from './binarize.js';
import { openClean } from './clean.js';
import { openCountWords } from './countWords.js';
import { openHoldOut, openSameLines } from './holdOut.js';
import type { OpenTask } from './openTask.js';
import { openPreprocess } from './preprocess.js';
import { openSegment } from './segment.js';

/** Every kind of work on parts, by name: threads are told names. Settings and jobs are plain data. */
export const partTasks = {
  preprocess: openPreprocess,
  clean: openClean,
  holdOut: openHoldOut,
  sameLines: openSameLines,
  countWords: openCountWords,
  segment: openSegment,
  binarize: openBinarize,
};

export type PartTaskName = keyof typeof partTasks;

/** A task whose types are known only to the stage that names it. */
export type AnyTask = (settings: object) => Promise<OpenTask<object, unknown>>;

/** Keeps the task asked for last open: a stage's jobs share its settings. */
export class TaskRunner {
  private open: { key: string; task: OpenTask<object, unknown> } | null = null;

  async run(
    name: PartTaskName,
    settings: object,
    job: object,
    folder: string,
  ): Promise<{ files: string[]; report: unknown }> {
    const key = JSON.stringify([name, settings]);
    if (this.open?.key !== key) {
      await this.close();
      this.open = { key, task: await (partTasks[name] as AnyTask)(settings) };
    }
    return this.open.task.run(job, folder);
  }

  async close(): Promise<void> {
    const { open } = this;
    this.open = null;
    await open?.task.close?.();
  }
}
