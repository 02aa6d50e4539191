import { UsageError } from '../errors.js';
import { createDetokenizer } from './moses/detokenize.js';
import type { TokenizeOptions } from './moses/lineTokenizer.js';
import type { NonbreakingPrefixes } from './moses/nonbreakingPrefixes.js';
import { createNormalizer, lowercase, type UnicodeForm } from './moses/normalize.js';
import { createTruecaser, detruecase, type TruecaseModel } from './moses/truecase.js';

/** Changes of characters before words are separated, in this order. */
export interface NormalizeSettings {
  /** Unicode normal form. */
  readonly unicode?: UnicodeForm;
  /** Plain punctuation, as normalize-punctuation.perl. */
  readonly punctuation?: boolean;
  /** Control and format characters become spaces, as remove-non-printing-char.perl. */
  readonly nonPrinting?: boolean;
}

/** How words are separated: Moses' tokenizer.perl (see `TokenizeOptions`). */
export interface TokenizeSettings {
  readonly aggressive?: boolean;
  readonly escape?: boolean;
  readonly protectedPatterns?: readonly string[];
  /** File of non-breaking prefixes in Moses' format. Default: the project's own list for the language. */
  readonly prefixes?: string;
}

/** One step from a line of raw text to words separated by spaces. */
export type PreprocessingStep =
  | ({ readonly step: 'normalize'; readonly language: string } & NormalizeSettings)
  | ({ readonly step: 'tokenize'; readonly language: string } & TokenizeSettings)
  | { readonly step: 'lowercase' }
  /** With a model of Moses' truecaser. */
  | { readonly step: 'truecase'; readonly model: string };

/** The path of the file that a step reads, if any. */
export function fileOf(step: PreprocessingStep): string | undefined {
  return step.step === 'truecase' ? step.model : step.step === 'tokenize' ? step.prefixes : undefined;
}

/** A step that reads the same files in other places. */
export function withFiles(step: PreprocessingStep, prefixes: string, model: string): PreprocessingStep {
  if (step.step === 'tokenize' && step.prefixes !== undefined) return { ...step, prefixes };
  return step.step === 'truecase' ? { ...step, model } : step;
}

/** What steps are made with: how files are read, and the tokeniser. */
export interface StepTools {
  /** @param path of a list in Moses' format */
  prefixes(path: string): NonbreakingPrefixes;
  /** @param path of a model of Moses' truecaser */
  truecaseModel(path: string): TruecaseModel;
  /** @returns text to text */
  tokenizer(language: string, options: TokenizeOptions): (text: string) => string;
}

/** A function that applies the steps in order. @returns lines to lines, without line feeds */
export function combineSteps(steps: readonly PreprocessingStep[], tools: StepTools): (line: string) => string {
  const functions = steps.map((step) => functionOf(step, tools));
  return (line) => functions.reduce((text, apply) => apply(text), line);
}

/**
 * A function that undoes the reversible steps: capitals at the start of sentences, words written together as in the
 * language.
 */
export function createPostprocessor(steps: readonly PreprocessingStep[]): (line: string) => string {
  const tokenized = steps.find((step) => step.step === 'tokenize');
  const detokenize = tokenized ? createDetokenizer(tokenized.language) : (line: string): string => line;
  return steps.some(({ step }) => step === 'truecase') ? (line) => detokenize(detruecase(line)) : detokenize;
}

function functionOf(step: PreprocessingStep, tools: StepTools): (line: string) => string {
  switch (step.step) {
    case 'normalize':
      return createNormalizer({
        unicode: step.unicode,
        punctuation: step.punctuation ? step.language : undefined,
        removeNonPrinting: step.nonPrinting,
      });
    case 'tokenize': {
      const { language, aggressive, escape, protectedPatterns, prefixes } = step;
      return tools.tokenizer(language, {
        aggressive,
        escape,
        protectedPatterns,
        ...(prefixes !== undefined && { prefixes: tools.prefixes(prefixes) }),
      });
    }
    case 'lowercase':
      return lowercase;
    case 'truecase':
      return createTruecaser(tools.truecaseModel(step.model));
    default:
      throw new UsageError(`preprocessing step ${JSON.stringify((step as { step: unknown }).step)} is not known.`);
  }
}
