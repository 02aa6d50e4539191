import { join } from 'node:path';
import { readLineBlocks } from '../../storage/lines.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { ownText } from '../../text/ownText.js';
import { pairsOf, partsOf, readPart, scratch, stagesOf, type PartSource, type SplitText } from './parts.js';
import type { OpenTask } from './partTasks.js';
import type { Stage } from './stage.js';

export interface CountReport {
  readonly parts: readonly string[];
}

/** Counts the words of each part, for learning: NAME.src.counts and NAME.trg.counts, in order of first appearance. */
export function countWordsStage(text: SplitText): Stage<CountReport> {
  return {
    name: 'counts.train',
    version: 1,
    settings: {},
    needs: stagesOf(text),
    async run({ eachPart, result }) {
      const parts = partsOf(text, result);
      await eachPart<PartSource, null>('countWords', {}, parts, pairsOf);
      return { parts: parts.map(({ name }) => name) };
    },
  };
}

export async function openCountWords(): Promise<OpenTask<PartSource, null>> {
  return {
    async run(part, folder) {
      const counts = { src: new Map<string, number>(), trg: new Map<string, number>() };
      for await (const block of readPart(part)) {
        for (const side of ['src', 'trg'] as const) {
          for (const line of block[side]) countTokens(counts[side], line.replace(/^[\r ]+|[\r ]+$/g, '').split(' ')); // like subword-nmt
        }
      }
      return { files: writeCounts(folder, part.name, counts), report: null };
    },
  };
}

/** Adds a sentence's tokens; empty ones do not count. */
export function countTokens(counts: Map<string, number>, tokens: readonly string[]): void {
  for (const token of tokens) {
    if (token === '') continue;
    const before = counts.get(token);
    counts.set(before === undefined ? ownText(token) : token, (before ?? 0) + 1);
  }
}

/** Writes counts as lines `token count`. @returns the files' names */
export function writeCounts(
  folder: string,
  name: string,
  counts: { readonly src: ReadonlyMap<string, number>; readonly trg: ReadonlyMap<string, number> },
): string[] {
  return (['src', 'trg'] as const).map((side) => {
    const file = `${name}.${side}.counts`;
    writeFileAtomic(
      join(folder, file),
      [...counts[side]].map(([token, count]) => `${token} ${count}\n`).join(''),
      scratch,
    );
    return file;
  });
}

/** The counts of all parts together, in order of first appearance. Memory holds the distinct tokens. */
export async function readCounts(
  folder: string,
  names: readonly string[],
  sides: readonly ('src' | 'trg')[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const side of sides) {
    for (const name of names) {
      for await (const lines of readLineBlocks(join(folder, `${name}.${side}.counts`), undefined, {
        keepMark: true, // a token may be an empty word
      })) {
        for (const line of lines as string[]) {
          const space = line.lastIndexOf(' ');
          const token = line.slice(0, space);
          const before = counts.get(token);
          counts.set(before === undefined ? ownText(token) : token, (before ?? 0) + Number(line.slice(space + 1)));
        }
      }
    }
  }
  return counts;
}
