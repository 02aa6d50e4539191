import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import type { AskedToLearn, Side } from '../../text/subwords/subwordMethod.js';
import { subwordMethods, type SubwordChoice } from '../../text/subwords/subwordMethods.js';
import { readCounts, type CountReport } from './countWords.js';
import { scratch } from './parts.js';
import type { Plain, Stage } from './stage.js';

/** Learns subwords from the words of both sides together, or of one. */
export function learnStage(
  name: string,
  words: Stage<CountReport>,
  sides: readonly Side[],
  { method, learn }: AskedToLearn,
  methods: SubwordChoice = subwordMethods,
): Stage {
  return {
    name,
    version: 1,
    settings: { method, ...(learn as Readonly<Record<string, Plain>>), sides },
    needs: [words],
    run({ folder, progress, result }) {
      const { folder: from, report } = result(words);
      return methods.method(method).learning!.learn(learn, {
        sides,
        counts: (of) => readCounts(from, report.parts, of),
        write: (file, content) => writeFileAtomic(join(folder, file), content, scratch),
        progress,
      });
    },
  };
}
