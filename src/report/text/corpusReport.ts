import { formatCount } from '../../counted.js';
import type { PrepareManifest } from '../../corpus/prepare/manifest.js';
import type { PreparePlan } from '../../corpus/prepare/prepareCorpus.js';
import type { StagePlan, StageProgress } from '../../corpus/prepare/runStages.js';
import { ProgressBar, type ProgressStream } from '../progress/progressBar.js';
import { textTable } from './table.js';

/** The contents of a prepared corpus, as a table. */
export function describeCorpus({ splits, vocabularySizes }: PrepareManifest): string {
  const rows = [['split', 'lines', 'pairs', 'src tokens', 'trg tokens', 'src unknown', 'trg unknown']];
  for (const [name, { lines, pairs, srcTokens, trgTokens, srcUnknown, trgUnknown }] of Object.entries(splits)) {
    rows.push([name, ...[lines, pairs, srcTokens, trgTokens, srcUnknown, trgUnknown].map(formatCount)]);
  }
  const { src, trg, joined } = vocabularySizes;
  return `${textTable(rows)}\nvocabulary: ${joined ? `${formatCount(src)}, joined` : `${formatCount(src)} source, ${formatCount(trg)} target`}`;
}

/** The plan of a preparation, by stage. */
export function describePlan(outDir: string, { status, changes, stages }: PreparePlan, force: boolean): string {
  if (status === 'upToDate') return `${outDir} is up to date; nothing would be done.`;
  const lines = stages.map(({ stage, action, reasons }) => [
    action === 'keep' ? 'keep' : action === 'resume' ? 'resume' : 'run',
    stage,
    reasons.join('; '),
  ]);
  const head =
    status === 'new'
      ? `${outDir} would be written:`
      : [
          `${outDir} holds a corpus that differs from the requested one:`,
          ...changes.map((change) => `  ${change}`),
          `It would be ${force ? '' : 'refused, and with --force '}replaced:`,
        ].join('\n');
  return `${head}\n${textTable([['', 'stage', 'why'], ...lines], [0, 1, 2])}`;
}

/** The number of stages kept from earlier runs, in words; empty if none. */
export function describeStages(stages: readonly StagePlan[]): string {
  const kept = stages.filter(({ action }) => action === 'keep').length;
  return kept === 0 ? '' : `; ${kept} of ${stages.length} stages were kept`;
}

/**
 * Shows the progress of each stage: a bar on a terminal, elsewhere lines at intervals, and a line at the end of each
 * stage.
 */
export function showStages(stream: ProgressStream): { show(progress: StageProgress): void; finish(): void } {
  let current: {
    stage: string;
    bar: ProgressBar;
    total: number;
    unit: string;
    firstDone: number;
    startedMs: number;
  } | null = null;
  return {
    show({ stage, number, numStages, done, total, unit }) {
      if (current?.stage !== stage || current.total !== total || current.unit !== unit) {
        if (current?.stage !== stage) current?.bar.finish();
        const label = `${`${number}/${numStages}`.padStart(5)} ${stage.padEnd(16)}`;
        current = {
          stage,
          total,
          unit,
          firstDone: done,
          startedMs: performance.now(),
          bar: new ProgressBar({ label, total, unit, startAt: done, stream }),
        };
      }
      const seconds = (performance.now() - current.startedMs) / 1000;
      const rate =
        done > current.firstDone && seconds >= 1
          ? `${formatCount(Math.round((done - current.firstDone) / seconds))}/s`
          : '';
      current.bar.update(done, rate);
    },
    finish() {
      current?.bar.finish();
    },
  };
}
