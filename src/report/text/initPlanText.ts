import { counted, formatCount } from '../../counted.js';
import { formatDuration } from '../../format.js';
import { initNamed } from '../../initial/learnedInits.js';
import { expectedUpdates, type InitPlan } from '../../run/initPlan.js';

/** The share of a run above which the cost of initialisation causes a warning. */
export const costlyShare = 0.1;

/** The expected cost of learning or profiling initial parameters, and a warning if that is much of the run. */
export function initPlanLines(plan: InitPlan): string[] {
  const { stage, total, done, spent, least, most, runUpdates, counted: takenOff } = plan;
  const expected = expectedUpdates(plan);
  const range = roundUpdates(least) === roundUpdates(most) ? '' : ` (${roundUpdates(least)} to ${roundUpdates(most)})`;
  const share =
    runUpdates === undefined
      ? ''
      : `, ${percent(expected / runUpdates)} of this run's ${formatCount(runUpdates)}${takenOff ? '; train.countInit takes it off them' : ''}`;
  const what = isProfiling(stage)
    ? 'profiling costs'
    : done > 0
      ? `${formatCount(total - done)} of ${counted(total, 'iteration')} are left, which cost`
      : `${counted(total, 'iteration')} ${total === 1 ? 'costs' : 'cost'}`;
  const time = done > 0 ? `; about ${formatDuration((spent.seconds / done) * (total - done))} at the rate so far` : '';
  return [
    `${stage}  ${what} about as much as ${roundUpdates(expected)} updates of training${range}${share}${time}`,
    ...(done === 0 ? costWarning(plan) : []),
  ];
}

/** The time of the remaining iterations. @param measured iterations that were timed, in `seconds` */
export function initTimeLine(stage: InitPlan['stage'], left: number, measured: number, seconds: number): string {
  const first = measured === 1 ? 'the first one' : `the first ${formatCount(measured)}`;
  return `${stage}  about ${formatDuration((seconds / measured) * left)} for the ${counted(left, 'iteration')} left, at the rate of ${first}`;
}

/** One pass over a batch, without iterations. */
function isProfiling(stage: string): boolean {
  return initNamed(stage)?.profiles === true;
}

function costWarning(plan: InitPlan): string[] {
  const { stage, total, runUpdates, maxTokens } = plan;
  const expected = expectedUpdates(plan);
  if (runUpdates === undefined || isProfiling(stage) || expected <= costlyShare * runUpdates) return [];
  const within = Math.floor((costlyShare * runUpdates * total) / expected);
  const fewer =
    within > 0
      ? `${stage}.iterations ${within} (now ${total}) would be a tenth, a smaller ${stage}.maxTokens (now ${maxTokens}) makes each iteration cheaper.`
      : `Lower ${stage}.iterations (now ${total}) and ${stage}.maxTokens (now ${maxTokens}), or train for longer.`;
  return [`${stage}  warning: this is more than a tenth of the run. ${fewer}`];
}

/** Thousands separated; one decimal below ten. */
function roundUpdates(updates: number): string {
  return updates < 9.95 ? updates.toFixed(1) : formatCount(Math.round(updates));
}

function percent(part: number): string {
  return `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;
}
