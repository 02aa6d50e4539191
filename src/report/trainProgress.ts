import type { TrainOptions } from '../train/trainOptions.js';
import type { TrainEvent, TrainTask } from '../train/trainer.js';
import { formatCount, formatDuration, formatNumber } from './format.js';
import { Progress, type ProgressStream } from './progress.js';

export interface TrainProgressOptions {
  /** Name of the run or arm. */
  readonly label: string;
  readonly options: TrainOptions;
  /** Batches of an epoch, before accumulation. */
  readonly epochBatches: number;
  /** Updates done already, when resuming. */
  readonly startAt?: number;
  readonly stream?: ProgressStream;
  readonly now?: () => number;
}

/** Weight of the past in what the bar shows, so that single batches do not make it flicker. */
const smoothing = 0.9;

/**
 * Shows a training run as it goes: a bar on a terminal, a line per log interval elsewhere, validations as lines in both.
 * @returns `onUpdate` and `onEvent` for the trainer, and `finish` to be called however the run ends
 */
export function trainProgress({ label, options, epochBatches, startAt, stream = process.stderr, now }: TrainProgressOptions):
  Required<Pick<TrainTask, 'onUpdate' | 'onEvent'>> & { finish(): void } {
  const total = plannedUpdates(options, epochBatches);
  const progress = new Progress({ label, total, unit: 'updates', startAt, stream, lineEverySeconds: Infinity, now });
  let loss = NaN;
  let nll = NaN;
  let tokensPerSecond = NaN;
  const smooth = (old: number, value: number): number => (Number.isFinite(old) ? smoothing * old + (1 - smoothing) * value : value);
  return {
    onUpdate(done) {
      loss = smooth(loss, done.loss);
      nll = smooth(nll, Math.log(done.perplexity));
      tokensPerSecond = smooth(tokensPerSecond, done.trgTokens / done.seconds);
      progress.update(done.update, [
        `epoch ${done.epoch}`, `loss ${loss.toFixed(3)}`, `ppl ${formatNumber(Math.exp(nll))}`, `lr ${formatNumber(done.lr)}`,
        `gnorm ${formatNumber(done.gradNormL2)}`, `${formatCount(Math.round(tokensPerSecond))} tokens/s`,
      ].join(' '));
    },
    onEvent(event) {
      const line = describeEvent(event, total);
      if (line !== undefined && !(event.event === 'train' && stream.isTTY)) progress.log(`${label}  ${line}`);
    },
    finish: () => progress.finish(),
  };
}

/** How many updates a run makes if patience does not end it; undefined if nothing else does. */
export function plannedUpdates({ maxUpdates, maxEpochs, updateFreq }: TrainOptions, epochBatches: number): number | undefined {
  const byEpochs = maxEpochs > 0 ? maxEpochs * Math.ceil(epochBatches / updateFreq) : Infinity;
  const planned = Math.min(maxUpdates > 0 ? maxUpdates : Infinity, byEpochs);
  return Number.isFinite(planned) ? planned : undefined;
}

function describeEvent(event: TrainEvent, total: number | undefined): string | undefined {
  const at = `epoch ${event.epoch}  update ${formatCount(event.update)}`;
  switch (event.event) {
    case 'train': {
      const left = total === undefined || event.update >= total ? '' : `  ${formatDuration((event.seconds / event.update) * (total - event.update))} left`;
      return `${at}${total === undefined ? '' : `/${formatCount(total)}`}  loss ${event.loss.toFixed(3)}  ppl ${formatNumber(event.perplexity)}  lr ${formatNumber(event.lr)}  ` +
        `gnorm ${formatNumber(event.gradNormL2)}  ${formatCount(Math.round(event.trgTokensPerSecond))} tokens/s${left}`;
    }
    case 'valid':
      return `${at}  valid loss ${event.loss.toFixed(3)}  ppl ${formatNumber(event.perplexity)}${event.bleu === undefined ? '' : `  BLEU ${event.bleu.toFixed(2)}`}${event.best ? '  best so far' : ''}`;
    case 'diverged':
      return `${at}  diverged: loss ${event.loss}, first in the ${event.tensor}`;
    case 'epoch':
    case 'checkpoint':
      return undefined;
  }
}
