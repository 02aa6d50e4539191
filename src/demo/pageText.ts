import { createLineTokenizer } from '../text/moses/lineTokenizer.js';
import { parseNonbreakingPrefixes } from '../text/moses/nonbreakingPrefixes.js';
import { parseTruecaseModel } from '../text/moses/truecase.js';
import { combineSteps, createPostprocessor, fileOf, type PreprocessingStep } from '../text/preprocessingSteps.js';

/** Steps before and after the model; paths in them are names of files next to the settings. */
export interface PageSteps {
  readonly src: readonly PreprocessingStep[];
  readonly trg: readonly PreprocessingStep[];
}

/** What the page of a demo does around the model. */
export interface PageText {
  /** A line as a reader writes it, in the words of the training text. */
  prepare(line: string): string;
  /** The model's words as running text. */
  finish(line: string): string;
}

/** @param textOf the content of a file that a step names */
export function pageText({ src, trg }: PageSteps, textOf: (name: string) => string): PageText {
  return {
    prepare: combineSteps(src, {
      prefixes: (name) => parseNonbreakingPrefixes(textOf(name)),
      truecaseModel: (name) => parseTruecaseModel(textOf(name)),
      tokenizer: (language, options) => createLineTokenizer(language, options).tokenize,
    }),
    finish: createPostprocessor(trg),
  };
}

/**
 * Opens the text steps of a demo in a browser. @param folder address of the folder with steps.json, ending with a slash
 */
export async function openPageText(folder: string): Promise<PageText> {
  const get = async (name: string): Promise<Response> => {
    const response = await fetch(new URL(name, folder));
    if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
    return response;
  };
  const steps = (await (await get('steps.json')).json()) as PageSteps;
  const names = steps.src.map(fileOf).filter((name) => name !== undefined);
  const texts = new Map(
    await Promise.all(names.map(async (name): Promise<[string, string]> => [name, await (await get(name)).text()])),
  );
  return pageText(steps, (name) => texts.get(name)!);
}
