/** Work on parts, ready to go: settings are read, models are loaded. */
export interface OpenTask<Job, Report> {
  /** Does one job. @returns the files it wrote, by name in the stage's folder, and what there is to say about them */
  run(job: Job, folder: string): Promise<{ files: string[]; report: Report }>;
  close?(): Promise<void>;
}
