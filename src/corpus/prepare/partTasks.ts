import { openBinarize } from './binarize.js';
import { openCountWords } from './countWords.js';
import { openSegment } from './segment.js';
import { openTruecase } from './truecase.js';
import { openWords } from './words.js';

/** Work on parts, ready to run: settings are read, models are loaded. */
export interface OpenTask<Job, Report> {
  /** Does one job. @returns the files it wrote, by name in the stage's folder, and its report */
  run(job: Job, folder: string): Promise<{ files: string[]; report: Report }>;
  close?(): Promise<void>;
}

/** Every kind of work on parts, by name, since threads receive names. Settings and jobs are plain data. */
export const partTasks = {
  words: openWords,
  truecase: openTruecase,
  countWords: openCountWords,
  segment: openSegment,
  binarize: openBinarize,
};

export type PartTaskName = keyof typeof partTasks;

/** A task whose types are known only to the stage that names it. */
export type AnyTask = (settings: object) => Promise<OpenTask<object, unknown>>;

/** Keeps the last task open, since a stage's jobs share its settings. */
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
