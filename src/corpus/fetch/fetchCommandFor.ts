import { dirname, resolve } from 'node:path';
import { shownFolder } from '../../storage/shownFolder.js';
import { corpusFolder } from './fetchCorpus.js';
import { readRecipe, recipeNames } from './readRecipe.js';

/** The command that writes a file, if the file lies in a folder that a recipe's corpus gets; undefined otherwise. */
export function fetchCommandFor(path: string): string | undefined {
  const recipes = recipeNames().map(readRecipe);
  for (let folder = dirname(resolve(path)); dirname(folder) !== folder; folder = dirname(folder)) {
    const dir = dirname(folder);
    for (const recipe of recipes) {
      const pair = recipe.pairs.find((each) => corpusFolder(dir, recipe, each) === folder);
      if (pair === undefined) continue;
      const pairOption = pair === recipe.pairs[0] ? '' : ` --pair ${pair.src}-${pair.trg}`;
      return `coldstart corpus fetch ${recipe.name}${pairOption}${dirOption(dir)}`;
    }
  }
  return undefined;
}

/** Empty for the folder that the command takes by itself. */
function dirOption(dir: string): string {
  const shown = shownFolder(dir);
  return shown === 'corpora' ? '' : ` --dir ${shown}`;
}
