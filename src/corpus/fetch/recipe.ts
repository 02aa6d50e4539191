import type { PairFormat } from '../extract/pairFormat.js';

/**
 * A corpus that can be fetched: a data file with the addresses of its text. The file's `corpus` sections say how
 * `corpus prepare` processes the text, in the settings of a configuration, which reads them (see recipes/ and
 * docs/reference/corpora.md).
 */
export interface Recipe {
  readonly name: string;
  readonly title: string;
  readonly homepage?: string;
  /** Terms of use as the source states them. */
  readonly licence: string;
  /** Language pairs; the first is the default. */
  readonly pairs: readonly RecipePair[];
}

/** A language pair of a recipe: its files and the text in them. */
export interface RecipePair {
  /** Its name in the recipe, e.g. `de-en`. */
  readonly name: string;
  readonly src: string;
  readonly trg: string;
  readonly files: readonly RecipeFile[];
  readonly text: RecipeText;
}

/** One file to download. */
export interface RecipeFile {
  /**
   * Its path among the downloads, e.g. `wmt13/training-parallel-europarl-v7.tgz`. Recipes that name the same path share
   * it.
   */
  readonly name: string;
  /** Mirrors, in order. */
  readonly urls: readonly string[];
  readonly bytes?: number;
  readonly sha256?: string;
  readonly md5?: string;
  /** An archive inside this archive that contains the text. */
  readonly inner?: string;
}

export const setNames = ['train', 'valid', 'test'] as const;
export type SetName = (typeof setNames)[number];

export type RecipeText = { readonly train: readonly RecipeSource[] } & {
  readonly [set in SetName]?: readonly RecipeSource[];
};

/** One source of pairs; paths are those inside the archives, or names of files that are not archives. */
export interface RecipeSource {
  readonly format: Exclude<PairFormat, 'tmx' | 'tsv'>;
  readonly src: string;
  readonly trg: string;
  /** For iwslt-tags: elements that are left out. */
  readonly drop?: readonly string[];
  /** For segments. */
  readonly decode?: boolean;
  readonly straightApostrophes?: boolean;
}
