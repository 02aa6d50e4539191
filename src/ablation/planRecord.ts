import type { AblationPlan, PlannedRun } from './ablationPlan.js';

/** plan.json of an ablation's folder: what it consists of, without the configurations, which the runs hold. */
export type PlanRecord = Omit<AblationPlan, 'runs'> & {
  readonly runs: readonly (Omit<PlannedRun, 'config' | 'runDir'> & { readonly key: string })[];
};
