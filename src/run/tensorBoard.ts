import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { EventFile } from './tensorboard/eventFile.js';
import type { RunEvent } from './runEvents.js';

/** Writes the numbers of a run's event for TensorBoard: losses, rates, norms, scores, over updates. */
export function toTensorBoard(file: EventFile, event: RunEvent): void {
  if (event.event === 'train') {
    const { update, epoch, loss, nll, perplexity, lr, gradNormL2, clippedShare, trgTokensPerSecond } = event;
    file.scalars(update, {
      'train/loss': loss,
      'train/nll': nll,
      'train/perplexity': perplexity,
      'train/lr': lr,
      'train/gradient norm L2': gradNormL2,
      'train/clipped share': clippedShare,
      'train/target tokens per second': trgTokensPerSecond,
      'train/epoch': epoch,
    });
  } else if (event.event === 'valid') {
    const { update, loss, nll, perplexity, bleu } = event;
    file.scalars(update, {
      'valid/loss': loss,
      'valid/nll': nll,
      'valid/perplexity': perplexity,
      ...(bleu !== undefined && { 'valid/BLEU': bleu }),
    });
  } else if (event.event === 'updateRatios') {
    const ratios = event.ratios.filter((ratio) => ratio !== null);
    if (ratios.length > 0) file.histograms(event.update, new Map([['update-to-weight ratio, tensors', ratios]]));
  } else if (event.event === 'scores' && event.test) {
    file.scalars(event.updates, { 'test/BLEU': event.test.bleu });
  }
}

/**
 * Writes histograms of every parameter at validations, each at least 5 % of the updates after the previous one: the
 * first twenty, and then about fifty for every factor of ten in updates, so that the file stays small for any length of
 * a run.
 */
export function parameterHistograms(file: EventFile): (params: Params, update: number) => void {
  let last = 0;
  return (params, update) => {
    if (update < 1.05 * last) return;
    last = update;
    file.histograms(update, new Map([...params].map(([name, tensor]) => [`parameters/${name}`, tensor.dataSync()])));
  };
}
