import { counted, formatCount } from '../../counted.js';
import type { FetchResult } from '../../corpus/fetch/fetchCorpus.js';
import { setNames, type Recipe, type RecipePair } from '../../corpus/fetch/recipe.js';
import { textFiles } from '../../corpus/fetch/writeText.js';
import { ProgressBar, progressOutput, type ProgressStream } from '../progress/progressBar.js';

/** The corpora that can be fetched, with pairs and sizes. */
export function describeRecipes(recipes: readonly Recipe[]): string {
  return recipes
    .map((recipe) => {
      const sizes = recipe.pairs.map((pair) => `${pair.src}-${pair.trg}${sizeOf(pair)}`);
      return `${recipe.name.padEnd(10)} ${recipe.title}\n${' '.repeat(11)}${sizes.join(', ')}`;
    })
    .join('\n');
}

/** The files to download, their sources, and the terms of use. */
export function describeTerms(recipe: Recipe, pair: RecipePair): string {
  return [
    `${recipe.title}, ${pair.src}-${pair.trg}${sizeOf(pair)}`,
    ...pair.files.map(({ name, urls }) => `  ${name}  ${new URL(urls[0]).host}`),
    `Terms of use${recipe.homepage ? ` (${recipe.homepage})` : ''}:`,
    ...recipe.licence
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ].join('\n');
}

/** The written files and their folder. */
export function describeFetch({ folder, status, manifest }: FetchResult): string {
  const languages = { src: manifest.srcLang, trg: manifest.trgLang };
  const lines = setNames.flatMap((set) => {
    const count = manifest.counts[set];
    if (count === undefined) return [];
    const { src, trg } = textFiles(folder, set, languages);
    return [`  ${src}, ${trg}: ${counted(count, 'pair')}`];
  });
  return `${folder} ${status === 'written' ? 'written' : 'is up to date; nothing was done'}.\n${lines.join('\n')}`;
}

function sizeOf({ files }: RecipePair): string {
  const known = files.filter(({ bytes }) => bytes !== undefined);
  if (known.length === 0) return '';
  const megabytes = known.reduce((sum, { bytes }) => sum + bytes!, 0) / 1e6;
  return ` (${known.length < files.length ? 'over ' : ''}${formatCount(megabytes < 10 ? Number(megabytes.toFixed(1)) : Math.round(megabytes))} MB)`;
}

/** A bar for each file and each piece of work, in sequence. */
export class FetchProgress {
  private bar?: { readonly what: string; readonly bar: ProgressBar };

  constructor(private readonly stream: ProgressStream = progressOutput()) {}

  show(what: string, done: number, unit: string, total?: number): void {
    if (this.bar?.what !== what) {
      this.finish();
      this.bar = { what, bar: new ProgressBar({ label: what, unit, total, startAt: done, stream: this.stream }) };
    }
    this.bar!.bar.update(done);
  }

  note(text: string): void {
    if (this.bar) this.bar.bar.log(`note: ${text}`);
    else this.stream.write(`note: ${text}\n`);
  }

  finish(): void {
    this.bar?.bar.finish();
    this.bar = undefined;
  }
}
