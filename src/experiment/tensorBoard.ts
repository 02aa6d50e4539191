import type { EventFile } from '../train/tensorboard/eventFile.js';
import type { RunEvent } from './runEvents.js';

/** Writes what TensorBoard can plot of an event in a run: losses, rates, norms, scores, over updates. */
export function toTensorBoard(file: EventFile, event: RunEvent): void {
  if (event.event === 'train') {
    const { update, epoch, loss, nll, perplexity, lr, gradNormL2, clippedShare, trgTokensPerSecond } = event;
    file.scalars(update, {
      'train/loss': loss, 'train/nll': nll, 'train/perplexity': perplexity, 'train/lr': lr, 'train/gradient norm L2': gradNormL2,
      'train/clipped share': clippedShare, 'train/target tokens per second': trgTokensPerSecond, 'train/epoch': epoch,
    });
  } else if (event.event === 'valid') {
    const { update, loss, nll, perplexity, bleu } = event;
    file.scalars(update, { 'valid/loss': loss, 'valid/nll': nll, 'valid/perplexity': perplexity, ...(bleu !== undefined && { 'valid/BLEU': bleu }) });
  } else if (event.event === 'updateRatios') {
    const ratios = event.ratios.filter((ratio) => ratio !== null);
    if (ratios.length > 0) file.histograms(event.update, new Map([['update-to-weight ratio, tensors', ratios]]));
  } else if (event.event === 'scores' && event.test) {
    file.scalars(event.updates, { 'test/BLEU': event.test.bleu });
  }
}
