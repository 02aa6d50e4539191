import { dirname, relative, resolve, sep } from 'node:path';
import { shownFolder } from '../../storage/shownFolder.js';
import { corpusFolder } from './fetchCorpus.js';
import { readRecipe, recipeNames } from './readRecipe.js';

/** A sentence on how to get a file in the folder of a recipe's corpus; undefined for other files. */
export function fetchAdviceFor(path: string): string | undefined {
  const recipes = recipeNames().map(readRecipe);
  for (let folder = dirname(resolve(path)); dirname(folder) !== folder; folder = dirname(folder)) {
    const dir = dirname(folder);
    for (const recipe of recipes) {
      const pair = recipe.pairs.find((each) => corpusFolder(dir, recipe, each) === folder);
      if (pair === undefined) continue;
      const pairOption = pair === recipe.pairs[0] ? '' : ` --pair ${pair.src}-${pair.trg}`;
      if (relative(folder, resolve(path)).split(sep)[0] === 'raw')
        return `Get the corpus first: coldstart corpus fetch ${recipe.name}${pairOption}${dirOption(dir)}`;
      // earlier versions also wrote tok/ and bpe/, and old configurations name these
      return `"coldstart corpus fetch" writes only raw text, and "coldstart corpus prepare" tokenises and segments it. In the configuration, name the recipe instead of the files: recipe: { name: ${recipe.name}, pair: ${pair.src}-${pair.trg} } (docs/reference/corpora.md).`;
    }
  }
  return undefined;
}

/** Empty for the command's default folder. */
function dirOption(dir: string): string {
  const shown = shownFolder(dir);
  return shown === 'corpora' ? '' : ` --dir ${shown}`;
}
