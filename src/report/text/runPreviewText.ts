import { counted, formatCount } from '../../counted.js';
import { formatDuration, formatGigabytes } from '../../format.js';
import { totalSeconds, type RunEstimate } from '../../run/estimateRun.js';
import type { RunPreview } from '../../run/previewRun.js';
import { textTable } from './table.js';

/** What `train --dry-run` says of a run. */
export function runPreviewText(preview: RunPreview, runDir: string): string {
  const { model, estimate, updatesDone, updatesPerEpoch, maxUpdates } = preview;
  if (estimate === undefined) return `${runDir} holds this run, complete already; nothing would be done.`;
  const { memory, initSeconds, initUpdates, secondsPerUpdate } = estimate;
  const rows: string[][] = [
    [
      'model',
      `${formatCount(preview.numParameters)} parameters: ${model.numEncoderLayers}+${model.numDecoderLayers} layers of width ${model.dModel}`,
    ],
    ['training set', `${counted(preview.trainPairs, 'pair')}, ${counted(updatesPerEpoch, 'update')} an epoch`],
    ['updates', maxUpdates === undefined ? 'until patience ends the run' : updatesText(estimate)],
    ...(initUpdates > 0
      ? [['initialisation', `costs as much as ${initUpdates.toFixed(1)} updates, ${formatDuration(initSeconds)}`]]
      : []),
    ['backend', estimate.backend],
    ...(memory === undefined
      ? []
      : [['memory', `${formatGigabytes(memory.needed)}, ${formatGigabytes(memory.available)} are available`]]),
    [
      maxUpdates === undefined ? 'an epoch' : updatesDone ? 'time left' : 'time',
      `about ${formatDuration(totalSeconds(estimate))}: training ${formatDuration(estimate.trainSeconds)} (${Math.round(secondsPerUpdate * 1000)} ms an update), ` +
        `validation ${formatDuration(estimate.validationSeconds)}, test set ${formatDuration(estimate.testSeconds)}`,
    ],
  ];
  return [
    textTable(rows, [0, 1]),
    '',
    updatesDone === undefined
      ? `This run can start in ${runDir}. Nothing was written.`
      : `${runDir} holds this run; ${counted(updatesDone, 'update is', 'updates are')} done. It would resume. Nothing was written.`,
    'Steps are measured here and now. Decoding is measured with untrained parameters, whose translations are long.',
  ].join('\n');
}

function updatesText({ updates, updatesLeft }: RunEstimate): string {
  return formatCount(updates) + (updatesLeft < updates ? `, ${formatCount(updatesLeft)} of them left` : '');
}
