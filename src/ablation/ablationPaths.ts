import { join } from 'node:path';

/** The files of an ablation, next to the folders of its arms. */
export const ablationPaths = (dir: string) => ({
  plan: join(dir, 'plan.json'),
  results: join(dir, 'results.json'),
  table: join(dir, 'results.md'),
  failures: join(dir, 'failures.json'),
  report: join(dir, 'report.html'),
  lock: join(dir, '.lock'),
});
