import { UsageError } from '../errors.js';
import { refuseUseWithoutRun } from '../run/chooseCheckpoint.js';
import { readRunConfig } from '../run/runFolder.js';
import { refuseExport } from '../translator/openModel.js';

/** Options that name what translates. */
export interface ModelFlags {
  run: string[];
  checkpoint: string[];
  text?: string;
  use?: 'best' | 'last' | 'average';
}

/**
 * The runs or checkpoints that translate.
 *
 * @throws UsageError if neither or both are named, or `use` without a run; DataError for a folder that is no run
 */
export function chosenModels({ run, checkpoint, use }: ModelFlags): string[] {
  if ((run.length === 0) === (checkpoint.length === 0))
    throw new UsageError('name what translates: either --run DIR or --checkpoint FILE.');
  if (use !== undefined && !['best', 'last', 'average'].includes(use))
    throw new UsageError(`--use is "${use}", expected best, last or average.`);
  refuseUseWithoutRun(use, run.length > 0);
  for (const each of run) {
    refuseExport(each);
    readRunConfig(each); // the library would take a folder of a checkpoint, too
  }
  return [...run, ...checkpoint];
}
