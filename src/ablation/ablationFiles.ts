import { join } from 'node:path';

/** The files that an ablation writes next to the folders of its arms. */
export const ablationFiles = (dir: string) => ({
  plan: join(dir, 'plan.json'),
  results: join(dir, 'results.json'),
  table: join(dir, 'results.md'),
  failures: join(dir, 'failures.json'),
  page: join(dir, 'report.html'),
  lock: join(dir, '.lock'),
});

/**
 * Whether an arm of this name would have its folder where the ablation has a file; ignores letter case, as many file
 * systems do.
 */
export function isAblationFile(name: string): boolean {
  return Object.values(ablationFiles('')).includes(name.toLowerCase());
}
