import { ColdstartError } from '../errors.js';
import type { ExportedModel } from './exportedModel.js';

/** The model card's text about one format. */
export interface CardParts {
  /** Name of the library that loads the folder, as Hugging Face's hub knows it. */
  readonly library: string;
  /** Markdown: how to load the folder and translate, with code that runs as it is. */
  readonly usage: string;
  /** Sentences on what this format or its runtime cannot do. */
  readonly limits: readonly string[];
}

export interface WriteOptions {
  /** A new empty folder. It gets its final name once everything is written. */
  readonly folder: string;
  /** One or several of the exporter's dtypes, none twice. */
  readonly dtypes: readonly string[];
  /** Stops between two files: `write` then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A format that a trained model is written in. To add one, write a module like transformersJs/ and add its line to
 * exporters.ts.
 */
export interface Exporter {
  /** As `--format` names it. */
  readonly name: string;
  /** One line for the help: which program reads it. */
  readonly summary: string;
  /** What weights can be stored as. */
  readonly dtypes: readonly string[];
  /** Written when no dtype is asked for. More than one only with `severalDtypes`. */
  readonly defaultDtypes: readonly string[];
  /** Whether one folder can hold several dtypes. */
  readonly severalDtypes: boolean;
  /**
   * Why this model cannot be written exactly, as a sentence without its capital, ending with what to do instead. Before
   * any work.
   */
  refuse(model: ExportedModel, dtypes: readonly string[]): string | undefined;
  /** Writes the format's files. The model card and `coldstart.json` are written by the caller. */
  write(model: ExportedModel, options: WriteOptions): Promise<void>;
  /** @param name of the folder that was asked for */
  card(model: ExportedModel, dtypes: readonly string[], name: string): CardParts;
}

/**
 * The message of the error by which a preparation says that this model cannot be written; undefined where it succeeds.
 */
export function refusalOf(prepare: () => unknown): string | undefined {
  try {
    prepare();
    return undefined;
  } catch (error) {
    if (error instanceof ColdstartError) return error.message;
    throw error;
  }
}
