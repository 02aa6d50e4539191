import { SideLanguages } from '../../text/clean/sideLanguages.js';
import { readLinePairs, type PairFiles } from '../../text/linePairs.js';
import { createPreprocessor } from '../../text/preprocessing.js';
import { readCounts, writeCounts } from './countWords.js';
import { wordsKey, type SideSteps } from './sideSteps.js';
import type { Stage } from './stage.js';

const name = 'languages';

/** Counts the words of the beginning of the training set, which distinguish its two languages. */
export function learnLanguagesStage(files: PairFiles, steps: SideSteps): Stage<null> {
  return {
    name: 'learn-languages',
    version: 1,
    ...wordsKey(files, steps),
    needs: [],
    async run({ folder }) {
      const [srcOf, trgOf] = [createPreprocessor(steps.src), createPreprocessor(steps.trg)];
      async function* pairs(): AsyncGenerator<{ src: string[]; trg: string[] }> {
        for await (const { src, trg } of readLinePairs(files)) {
          const isValid = (_: unknown, i: number): boolean => src[i] !== null && trg[i] !== null;
          yield {
            src: (src.filter(isValid) as string[]).map(srcOf),
            trg: (trg.filter(isValid) as string[]).map(trgOf),
          };
        }
      }
      writeCounts(folder, name, (await SideLanguages.learn(pairs())).words);
      return null;
    },
  };
}

/** The words of either side that the stage counted. */
export async function readLanguages(folder: string): Promise<SideLanguages['words']> {
  return { src: await readCounts(folder, [name], ['src']), trg: await readCounts(folder, [name], ['trg']) };
}
