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
 * A recipe by name, or from the user's own file.
 *
 * @param nameOrPath a name is that of a recipe of the package; a path has a slash or ends in .yaml
 * @throws UsageError for an unknown name, with the nearest, and for a recipe with a fault, with its place
 */
export function readRecipe(nameOrPath: string): Recipe {
  const path = recipePath(nameOrPath);
  return parseRecipe(readTextFile(path, 'recipe', maxRecipeBytes), path);
}

/** Whether a recipe is named by the path of its file. */
export function isRecipePath(nameOrPath: string): boolean {
  return /[/\\]|\.ya?ml$/.test(nameOrPath);
}

/** The file of a recipe. @throws UsageError for an unknown name, with the nearest */
export function recipePath(nameOrPath: string): string {
  const path = isRecipePath(nameOrPath) ? nameOrPath : join(recipesFolder, `${nameOrPath}.yaml`);
  if (!isRecipePath(nameOrPath) && !existsSync(path)) {
    const near = suggest(nameOrPath, recipeNames());
    throw new UsageError(
      `no recipe is called "${nameOrPath}"${near ? `; did you mean "${near}"?` : '.'} Known are ${recipeNames().join(', ')}; a file of your own is named by its path, ./${nameOrPath}.yaml.`,
    );
  }
  return path;
}

/** @param name of the text, for messages @throws UsageError naming the place of a fault */
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
    'corpus',
    'steps',
  ]);
  refuseSteps(fields);
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

/** Earlier recipes described the processing of the text as steps. */
function refuseSteps({ corpus, steps }: Record<'corpus' | 'steps', RecipeValue>): void {
  if (steps.isSet)
    steps.fail(
      'no steps: corpus fetch writes raw text. Say what corpus prepare does with it in a section "corpus", in the words of a configuration (docs/reference/config.md), for example corpus: { tokenize: { method: moses }, letterCase: lower }',
    );
  if (corpus.isSet) corpus.entries(); // the configuration interprets them
}

/** A pair without `files` or `text` uses those of the recipe. */
function readPair(
  pair: string,
  value: RecipeValue,
  recipe: Record<'files' | 'text', RecipeValue>,
  name: string,
): RecipePair {
  const languages = /^([a-z]{2,3}(?:_[a-z]+)?)-([a-z]{2,3}(?:_[a-z]+)?)$/i.exec(pair.replace('pt-br', 'pt_br'));
  if (languages === null || languages[1] === languages[2])
    throw new UsageError(`${name}: pairs: "${pair}" is no pair of languages such as de-en.`);
  const [src, trg] = languages.slice(1).map((language) => language.replace('_', '-'));
  const own = value.isSet ? value.fields(['files', 'text', 'corpus', 'steps']) : undefined;
  if (own) refuseSteps(own);
  const fieldOf = (key: 'files' | 'text'): RecipeValue => (own?.[key].isSet ? own[key] : recipe[key]);
  const fill = (text: string): string =>
    text.replaceAll('{src}', src).replaceAll('{trg}', trg).replaceAll('{pair}', pair);
  const files = fieldOf('files')
    .list(1)
    .map((file) => readFile(file, fill));
  const text = readText(fieldOf('text'), fill);
  return { name: pair, src, trg, files, text };
}

function readFile(value: RecipeValue, fill: (text: string) => string): RecipeFile {
  const fields = value.fields(['name', 'urls', 'bytes', 'sha256', 'md5', 'inner']);
  const hasChecksum = fields.sha256.isSet || fields.md5.isSet;
  const fileName = /^[a-z0-9{][-_.+a-z0-9{}]*(\/[a-z0-9{][-_.+a-z0-9{}]*)?$/i;
  const name = fill(fields.name.text(fileName, 'a file name, with at most one folder before it'));
  if (ownNames.test(name)) fields.name.fail('a name that the folder of downloads does not use for its own files');
  return {
    name,
    urls: fields.urls.list(1).map((url) => {
      const address = fill(url.text(/^https?:\/\/[^\s/]/, 'a web address that begins with http:// or https://'));
      if (!URL.canParse(address)) url.fail('a web address');
      // anyone on the network could change a download over http, and the wrong checksum would be recorded
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

/** The record of checksums with the key of its own checksum, and files next to an unfinished download. */
const ownNames = /^(checksums\.json|crc32)$|\.(part|part\.json|lock)$/;

/** Whether a download cannot be changed on the network: https, or a local file. */
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

/**
 * A pair of a recipe, in either order: its files are named by language and serve both directions.
 *
 * @param pair e.g. "de-en"; default: the first of the recipe
 * @throws UsageError listing the recipe's pairs
 */
export function pairOf(recipe: Recipe, pair?: string): RecipePair {
  if (pair === undefined) return recipe.pairs[0];
  const found = recipe.pairs.find(({ src, trg }) => pair === `${src}-${trg}` || pair === `${trg}-${src}`);
  if (found !== undefined) return found;
  throw new UsageError(
    `${recipe.name} has no pair "${pair}"; there are ${recipe.pairs.map(({ src, trg }) => `${src}-${trg}`).join(', ')}.`,
  );
}
