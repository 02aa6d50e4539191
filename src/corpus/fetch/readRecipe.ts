import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { suggest } from '../../suggest.js';
import { UsageError } from '../../errors.js';
import { packageFolder } from '../../package.js';
import { readTextFile } from '../../storage/textFile.js';
import {
  setNames,
  type Recipe,
  type RecipeFile,
  type RecipePair,
  type RecipeSource,
  type RecipeStep,
  type RecipeText,
  type SetName,
} from './recipe.js';
import { RecipeValue } from './recipeFields.js';

const recipesFolder = join(packageFolder, 'recipes');
const maxRecipeBytes = 2 ** 20;

/** Names of the recipes that come with the package. */
export function recipeNames(): string[] {
  return readdirSync(recipesFolder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * A recipe by name, or from a file of one's own.
 *
 * @param nameOrPath a name is that of a recipe of the package; a path has a slash or ends in .yaml
 * @throws UsageError for an unknown name, with the nearest, and for a recipe with a fault, with its place
 */
export function readRecipe(nameOrPath: string): Recipe {
  const isPath = /[/\\]|\.ya?ml$/.test(nameOrPath);
  const path = isPath ? nameOrPath : join(recipesFolder, `${nameOrPath}.yaml`);
  if (!isPath && !existsSync(path)) {
    const near = suggest(nameOrPath, recipeNames());
    throw new UsageError(
      `no recipe is called "${nameOrPath}"${near ? `; did you mean "${near}"?` : '.'} Known are ${recipeNames().join(', ')}; a file of your own is named by its path, ./${nameOrPath}.yaml.`,
    );
  }
  return parseRecipe(readTextFile(path, 'recipe', maxRecipeBytes), path);
}

/** @param name what to call the text in messages @throws UsageError naming the place of a fault */
export function parseRecipe(text: string, name: string): Recipe {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new UsageError(`${name} is not YAML: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  const fields = new RecipeValue(content, name).fields([
    'name',
    'title',
    'homepage',
    'licence',
    'pairs',
    'files',
    'text',
    'steps',
  ]);
  const pairs = fields.pairs.entries().map(([pair, value]) => readPair(pair, value, fields, name));
  if (pairs.length === 0) fields.pairs.fail('at least one language pair, such as "de-en: {}"');
  return {
    name: fields.name.text(/^[a-z0-9][-_.a-z0-9]*$/i, 'a name of letters, digits and hyphens'),
    title: fields.title.text(),
    homepage: fields.homepage.isSet ? fields.homepage.text(/^https?:\/\//, 'a web address') : undefined,
    licence: fields.licence.text(/\S/, 'the terms of use'),
    pairs,
  };
}

/** What a pair leaves out stands in the recipe's own `files`, `text` and `steps`. */
function readPair(
  pair: string,
  value: RecipeValue,
  recipe: Record<'files' | 'text' | 'steps', RecipeValue>,
  name: string,
): RecipePair {
  const languages = /^([a-z]{2,3}(?:_[a-z]+)?)-([a-z]{2,3}(?:_[a-z]+)?)$/i.exec(pair.replace('pt-br', 'pt_br'));
  if (languages === null || languages[1] === languages[2])
    throw new UsageError(`${name}: pairs: "${pair}" is no pair of languages such as de-en.`);
  const [src, trg] = languages.slice(1).map((language) => language.replace('_', '-'));
  const own = value.isSet ? value.fields(['files', 'text', 'steps']) : undefined;
  const fieldOf = (key: 'files' | 'text' | 'steps'): RecipeValue => (own?.[key].isSet ? own[key] : recipe[key]);
  const fill = (text: string): string =>
    text.replaceAll('{src}', src).replaceAll('{trg}', trg).replaceAll('{pair}', pair);
  const files = fieldOf('files')
    .list(1)
    .map((file) => readFile(file, fill));
  const steps = fieldOf('steps').isSet ? fieldOf('steps').list().map(readStep) : [];
  if (steps.filter(({ step }) => step === 'bpe').length > 1) fieldOf('steps').fail('at most one step bpe');
  const bpeAt = steps.findIndex(({ step }) => step === 'bpe');
  if (bpeAt >= 0 && steps.slice(bpeAt).some(({ step }) => step === 'holdOut'))
    fieldOf('steps').fail('holdOut before bpe: merges are learnt from what remains of the training set');
  const text = readText(fieldOf('text'), fill);
  if (text.valid && steps.some(({ step }) => step === 'holdOut'))
    fieldOf('steps').fail('no step holdOut where the text has a validation set');
  return { src, trg, files, text, steps };
}

function readFile(value: RecipeValue, fill: (text: string) => string): RecipeFile {
  const fields = value.fields(['name', 'urls', 'bytes', 'sha256', 'md5', 'inner']);
  const hasChecksum = fields.sha256.isSet || fields.md5.isSet;
  const fileName = /^[a-z0-9{][-_.+a-z0-9{}]*(\/[a-z0-9{][-_.+a-z0-9{}]*)?$/i;
  return {
    name: fill(fields.name.text(fileName, 'a file name, with at most one folder before it')),
    urls: fields.urls.list(1).map((url) => {
      const address = fill(url.text(/^https?:\/\/[^\s/]/, 'a web address that begins with http:// or https://'));
      if (!URL.canParse(address)) url.fail('a web address');
      // anybody on the way could change what comes by http, and its checksum would be taken for the file's
      if (!hasChecksum && !isProtected(new URL(address)))
        url.fail('an address of https where neither sha256 nor md5 is known');
      return address;
    }),
    bytes: fields.bytes.isSet ? fields.bytes.number(1) : undefined,
    sha256: fields.sha256.isSet
      ? fields.sha256.text(/^[0-9a-f]{64}$/, '64 digits of lower-case hexadecimal')
      : undefined,
    md5: fields.md5.isSet ? fields.md5.text(/^[0-9a-f]{32}$/, '32 digits of lower-case hexadecimal') : undefined,
    inner: fields.inner.isSet ? fill(fields.inner.text(memberPath, memberPathText)) : undefined,
  };
}

/** Whether nobody on the way can change what comes: https, or no way at all. */
function isProtected({ protocol, hostname }: URL): boolean {
  return (
    protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}

const memberPath = /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\\\0-\x1f]+$/;
const memberPathText = 'a path inside of the archive';

function readText(value: RecipeValue, fill: (text: string) => string): RecipeText {
  const fields = value.fields(setNames);
  const sourcesOf = (set: SetName): RecipeSource[] => fields[set].list(1).map((source) => readSource(source, fill));
  return {
    train: sourcesOf('train'),
    ...(fields.valid.isSet && { valid: sourcesOf('valid') }),
    ...(fields.test.isSet && { test: sourcesOf('test') }),
  };
}

function readSource(value: RecipeValue, fill: (text: string) => string): RecipeSource {
  const fields = value.fields(['format', 'src', 'trg', 'drop', 'decode', 'straightApostrophes']);
  return {
    format: fields.format.choice(['moses', 'iwslt-tags', 'segments']),
    src: fill(fields.src.text(memberPath, memberPathText)),
    trg: fill(fields.trg.text(memberPath, memberPathText)),
    ...(fields.drop.isSet && {
      drop: fields.drop.list().map((name) => name.text(/^[a-z]+$/i, 'the name of an element')),
    }),
    ...(fields.decode.isSet && { decode: fields.decode.flag() }),
    ...(fields.straightApostrophes.isSet && { straightApostrophes: fields.straightApostrophes.flag() }),
  };
}

function readStep(value: RecipeValue): RecipeStep {
  const fields = value.fields(['step', 'sets', 'aggressive', 'min', 'max', 'ratio', 'every', 'merges']);
  const step = fields.step.choice([
    'normalize',
    'removeNonPrinting',
    'tokenize',
    'lowercase',
    'clean',
    'holdOut',
    'bpe',
  ]);
  const settings: Record<string, readonly string[]> = {
    tokenize: ['sets', 'aggressive'],
    clean: ['sets', 'min', 'max', 'ratio'],
    holdOut: ['every'],
    bpe: ['merges'],
  };
  for (const [key, field] of Object.entries(fields)) {
    if (key !== 'step' && field.isSet && !(settings[step] ?? ['sets']).includes(key))
      field.fail(`nothing: the step ${step} has no such setting`);
  }
  const setsOr = (otherwise: readonly SetName[]): readonly SetName[] =>
    fields.sets.isSet ? fields.sets.list(1).map((set) => set.choice(setNames)) : otherwise;
  switch (step) {
    case 'tokenize':
      return { step, sets: setsOr(setNames), aggressive: fields.aggressive.isSet && fields.aggressive.flag() };
    case 'clean':
      return {
        step,
        sets: setsOr(['train']),
        min: fields.min.number(1),
        max: fields.max.number(1),
        ratio: fields.ratio.isSet ? fields.ratio.number(1, { whole: false }) : 9,
      };
    case 'holdOut':
      return { step, every: fields.every.number(2) };
    case 'bpe':
      return { step, merges: fields.merges.number(1) };
    default:
      return { step, sets: setsOr(setNames) };
  }
}

/**
 * A pair of a recipe, in either order: its files are named by language and serve both directions.
 *
 * @param pair e.g. "de-en"; default: the first of the recipe
 * @throws UsageError naming the pairs there are
 */
export function pairOf(recipe: Recipe, pair?: string): RecipePair {
  if (pair === undefined) return recipe.pairs[0];
  const found = recipe.pairs.find(({ src, trg }) => pair === `${src}-${trg}` || pair === `${trg}-${src}`);
  if (found !== undefined) return found;
  throw new UsageError(
    `${recipe.name} has no pair "${pair}"; there are ${recipe.pairs.map(({ src, trg }) => `${src}-${trg}`).join(', ')}.`,
  );
}
