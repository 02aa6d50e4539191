import type { PairFiles } from '../../text/linePairs.js';
import type { PreprocessingStep } from '../../text/preprocessingSteps.js';
import type { Plain, Stage } from './stage.js';

/** Steps for either side, in their order. */
export type SideSteps = Readonly<Record<'src' | 'trg', readonly PreprocessingStep[]>>;

/** The key of a stage that applies steps to the user's files. Lists of prefixes count by content, not by place. */
export function wordsKey(files: PairFiles, steps: SideSteps): Required<Pick<Stage, 'settings' | 'files'>> {
  const prefixes = (['src', 'trg'] as const).flatMap((side) =>
    steps[side].flatMap((step) =>
      step.step === 'tokenize' && step.prefixes !== undefined ? [[`${side}.prefixes`, step.prefixes]] : [],
    ),
  );
  return {
    settings: { before: plainSteps(steps) },
    files: { src: files.src, trg: files.trg, ...(Object.fromEntries(prefixes) as Record<string, string>) },
  };
}

export function plainSteps({ src, trg }: SideSteps): Plain {
  const plain = (steps: readonly PreprocessingStep[]): Plain => steps.map((step) => ({ ...step, prefixes: undefined }));
  return { src: plain(src), trg: plain(trg) };
}
