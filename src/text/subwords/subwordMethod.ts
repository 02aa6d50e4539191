import type { Section, Values } from '../../field.js';
import type { JsonShape } from '../../storage/jsonFile.js';
import type { TokenizerParts } from '../tokenizerExport/format.js';
import type { Vocabulary } from '../vocabulary.js';
import type { UnitSampling } from './unitSampling.js';

/** Splits lines into tokens and joins tokens into lines. */
export interface Segmenter {
  /** Tokens of each line. */
  segment(lines: readonly string[]): string[][] | Promise<string[][]>;
  /** The text of tokens, subword marks removed: what a user reads and a scorer sees. */
  join(tokens: readonly string[]): string;
  close(): Promise<void>;
}

/** Which side of a sentence pair. */
export type Side = 'src' | 'trg';

/** A request to a method: to apply files, or to learn them from the training set first. */
export interface NamedOptions {
  readonly method: string;
}
export interface AskedToLearn extends NamedOptions {
  /** What counts for learning; plain JSON. */
  readonly learn: object;
}

/** How settings are refused, by their full names in the configuration. */
export interface SettingsGroup {
  /** "corpus.subwords.codes" */
  name(key: string): string;
  /** @throws UsageError that the setting is not set @param orElse what else would do */
  missing(key: string, orElse?: string): never;
}

/** What learning works with. */
export interface LearningTask {
  /** The sides to learn from together. */
  readonly sides: readonly Side[];
  /** How often each word occurs on these sides, in order of first appearance. */
  counts(sides: readonly Side[]): Promise<Map<string, number>>;
  /** Stores a learnt file. */
  write(name: string, content: string | Uint8Array): void;
  progress(done: number, total: number, unit: string): void;
}

export interface SubwordLearning<O extends NamedOptions, A extends AskedToLearn> {
  /** Learns from the training set. @returns what to report of it; plain JSON */
  learn(settings: A['learn'], task: LearningTask): Promise<Readonly<Record<string, number>>>;
  /** The options that apply the learnt files. @param path of a file that `learn` wrote */
  learnt(asked: A, side: Side, path: (name: string) => string): O;
}

/**
 * A way to split words into units that configurations can name. Options hold paths, numbers and texts only: threads and
 * manifests get them as JSON.
 */
export interface SubwordMethod<
  F extends Section = Section,
  O extends NamedOptions = NamedOptions,
  A extends AskedToLearn = AskedToLearn,
> {
  /** Its settings in `corpus.subwords`. */
  readonly fields: F;
  /** Settings that act only where another one is set. */
  readonly onlyWith?: { readonly [K in keyof F]?: keyof F & string };
  /** What the settings ask for. @throws UsageError if they contradict each other or one is missing */
  ask(settings: Values<F>, group: SettingsGroup): O | A;
  /** The options that are paths, and how each file is read to store a copy next to a model. */
  readonly files: { readonly [K in keyof O]?: (path: string) => string | Uint8Array };
  /** The options as text.json stores them, without the files. */
  save(options: O): NamedOptions;
  /** The options that were saved. @param path of the copy of a file */
  load(saved: NamedOptions, path: (file: string) => string): O;
  /** What `save` gives. */
  readonly savedShape: JsonShape;
  /** @throws DataError if a file cannot be read or is not what it should be */
  open(options: O): Segmenter | Promise<Segmenter>;
  /** Without it, the method only applies files of the user. */
  readonly learning?: SubwordLearning<O, A>;
  /** Splitting at random, for training text. Absent where the method splits text in one way only. */
  readonly sampling?: UnitSampling<O>;
  /**
   * The way from words to ids as a tokenizer.json. Absent if the format cannot hold the method. @throws UsageError for
   * options that the format cannot hold
   */
  tokenizerJson?(options: O, vocabulary: Vocabulary): TokenizerParts;
}

/** The method itself; it types its parts by the fields and options. */
export const subwordMethod = <const F extends Section, O extends NamedOptions, A extends AskedToLearn = never>(
  method: SubwordMethod<F, O, A>,
): SubwordMethod<F, O, A> => method;
