import type { AblationPlan, PlannedRun } from './ablationPlan.js';

/** plan.json of an ablation's folder: its arms and runs, without the configurations, which are in the runs. */
export type PlanRecord = Omit<AblationPlan, 'runs'> & {
  readonly runs: readonly (Omit<PlannedRun, 'config' | 'runDir'> & { readonly key: string })[];
};
