import { isMap, isScalar, type YAMLMap } from 'yaml';
import { dirname, resolve } from 'node:path';
import { isRecipePath, pairOf, readRecipe, recipePath } from '../corpus/fetch/readRecipe.js';
import { corpusFolder } from '../corpus/fetch/fetchCorpus.js';
import { setNames, type Recipe, type RecipePair } from '../corpus/fetch/recipe.js';
import { RecipeValue } from '../corpus/fetch/recipeFields.js';
import { textFiles } from '../corpus/fetch/writeText.js';
import { UsageError } from '../errors.js';
import { readTextFile } from '../storage/textFile.js';
import { readYaml, type YamlText } from './yamlText.js';

/** A recipe's settings for the text of its pair. */
export interface RecipeLayer {
  readonly yaml: YamlText;
  /** The folder of the recipe: its paths are relative to it. */
  readonly folder: string;
  /** Settings of `corpus`: those for all pairs, then those of the pair, which win. */
  readonly sections: readonly YAMLMap['items'][];
}

/** Settings that a recipe may not give: they depend on the machine, or the pair gives them. */
const ofConfigurations = ['dir', 'srcLang', 'trgLang', 'train', 'valid', 'test'];

/**
 * The recipe that `recipe: { name, pair, dir }` in a configuration names.
 *
 * @param place of the key, for messages
 * @param folder the configuration's folder, to which its paths are relative
 * @returns the recipe's settings, and languages and files of the text as `corpus fetch` writes it below `dir`
 * @throws UsageError for an unknown recipe or pair, listing the known ones
 */
export function namedRecipe(
  value: unknown,
  place: string,
  folder: string,
): { layer: RecipeLayer; text: Record<string, string> } {
  const named = new RecipeValue(value, place);
  if (typeof value === 'string')
    named.fail(`keys and values, for example { name: ${value}, pair: de-en, dir: corpora }`);
  const { name, pair, dir } = named.fields(['name', 'pair', 'dir']);
  const asWritten = name.text(/\S/, 'the name of a recipe, such as iwslt14, or the path of one');
  const nameOrPath = isRecipePath(asWritten) ? resolve(folder, asWritten) : asWritten;
  const recipe = readRecipe(nameOrPath);
  const asked = pair.isSet ? pair.text() : undefined;
  const found = pairOf(recipe, asked);
  const direction =
    asked === `${found.trg}-${found.src}` ? { src: found.trg, trg: found.src } : { src: found.src, trg: found.trg };
  const corpora = dir.isSet ? resolve(folder, dir.text()) : resolve('corpora');
  return { layer: recipeLayer(nameOrPath, found), text: textSettings(corpora, recipe, found, direction) };
}

/** The settings that a recipe gives a pair. @throws UsageError for one that a recipe may not give */
export function recipeLayer(nameOrPath: string, { name }: RecipePair): RecipeLayer {
  const path = recipePath(nameOrPath);
  const yaml = readYaml(readTextFile(path, 'recipe'), path);
  const sections = [['corpus'], ['pairs', name, 'corpus']].flatMap((keys) => {
    const node = yaml.document.getIn(keys);
    return isMap(node) ? [node.items as YAMLMap['items']] : [];
  });
  for (const { key } of sections.flat()) {
    const setting = String(isScalar(key) ? key.value : key);
    if (ofConfigurations.includes(setting.split('.')[0]))
      throw new UsageError(
        `${yaml.place(key)}: a recipe does not set corpus.${setting}: languages and files are those of its pair, and a configuration sets corpus.dir. Remove it.`,
      );
  }
  return { yaml, folder: dirname(path), sections };
}

function textSettings(
  dir: string,
  recipe: Recipe,
  pair: RecipePair,
  direction: { readonly src: string; readonly trg: string },
): Record<string, string> {
  const folder = corpusFolder(dir, recipe, pair);
  const files = setNames
    .filter((set) => pair.text[set] !== undefined)
    .flatMap((set) => {
      const { src, trg } = textFiles(folder, set, direction);
      return [
        [`corpus.${set}.src`, src],
        [`corpus.${set}.trg`, trg],
      ];
    });
  return { 'corpus.srcLang': direction.src, 'corpus.trgLang': direction.trg, ...Object.fromEntries(files) } as Record<
    string,
    string
  >;
}
