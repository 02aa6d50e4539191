import { join } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { isThere } from '../storage/isThere.js';
import {
  jsonCount,
  jsonBoolean,
  jsonObject,
  jsonList,
  jsonOptional,
  jsonRecord,
  jsonText,
  jsonAny,
  readJsonFile,
} from '../storage/jsonFile.js';
import { readTextFile } from '../storage/textFile.js';
import type { PreprocessingStep } from '../text/preprocessingSteps.js';
import { saveTextPipeline, type Side } from '../text/textPipeline.js';
import { specialTokens, Vocabulary } from '../text/vocabulary.js';
import type { ForeignConfig } from './foreignConfig.js';

const maxBytes = 256 * 2 ** 20;
const advice = 'Name a folder with the tokenizer of the model.';
const endOfWord = '</w>';

/** Entries of the vocabularies, as the model has them. */
export type Sizes = Readonly<Record<Side, number>>;

/**
 * Writes the text folder of an imported model: from tokenizer.json, with target_tokenizer.json where the target has
 * another one; or from FSMT's own files, vocab-src.json, vocab-tgt.json and merges.txt.
 * @returns what a user has to know
 * @throws UsageError if there is neither; DataError for files that do not fit the model
 */
export function writeTextFolder(folder: string, out: string, foreign: ForeignConfig, sizes: Sizes): string[] {
  const path = (name: string): string => join(folder, name);
  if (isThere(path('tokenizer.json'))) {
    const target = path(isThere(path('target_tokenizer.json')) ? 'target_tokenizer.json' : 'tokenizer.json');
    const source = path('tokenizer.json');
    saveTextPipeline(out, {
      subwords: {
        src: { method: 'huggingface', tokenizer: source },
        trg: { method: 'huggingface', tokenizer: target },
      },
      vocabularies: {
        src: vocabularyOf(tokensOf(source), sizes.src, source),
        trg: vocabularyOf(tokensOf(target), sizes.trg, target),
      },
      preprocessing: { src: [], trg: [] },
    });
    return [];
  }
  const missing = ['vocab-src.json', 'vocab-tgt.json', 'merges.txt'].filter((name) => !isThere(path(name)));
  if (missing.length > 0)
    throw new UsageError(
      `${folder} has no tokenizer that can be read: neither tokenizer.json nor ${missing.join(', ')}. Save the tokenizer next to the model (save_pretrained).`,
    );
  return writeFsmtText(folder, out, foreign, sizes);
}

function writeFsmtText(folder: string, out: string, { langs }: ForeignConfig, sizes: Sizes): string[] {
  const [src, trg] = ['vocab-src.json', 'vocab-tgt.json'].map((name) => join(folder, name));
  const vocabulary = (path: string, size: number): Vocabulary => {
    const ids = readJsonFile<Record<string, number>>(path, {
      what: 'vocabulary',
      maxBytes,
      advice,
      shape: jsonRecord(jsonCount),
    });
    // er</w> is the vocabulary's er, and er its er@@
    const names = new Map(
      Object.entries(ids).map(([name, id]): [number, string] => {
        if (id < specialTokens.length) return [id, name];
        return [id, name.endsWith(endOfWord) ? name.slice(0, -endOfWord.length) : `${name}@@`];
      }),
    );
    return vocabularyOf(names, size, path);
  };
  const codes = join(out, 'merges.txt.part');
  writeFileAtomic(codes, `#version: 0.2\n${mergesText(join(folder, 'merges.txt'))}`, { durable: false });
  if (!Array.isArray(langs) || langs.length !== 2 || !langs.every((lang) => typeof lang === 'string'))
    throw new DataError(`${join(folder, 'config.json')}: langs is not a list of two language codes. ${advice}`);
  const lowers = isThere(join(folder, 'tokenizer_config.json'))
    ? readJsonFile<{ readonly do_lower_case?: boolean }>(join(folder, 'tokenizer_config.json'), {
        what: 'configuration of a tokenizer',
        maxBytes,
        advice,
        shape: jsonObject({ do_lower_case: jsonOptional(jsonBoolean) }),
      }).do_lower_case === true
    : false;
  const steps = (language: string): PreprocessingStep[] => [
    ...(lowers ? [{ step: 'lowercase' } as const] : []),
    { step: 'normalize', language, punctuation: true, nonPrinting: true },
    { step: 'tokenize', language, aggressive: true, escape: true },
  ];
  const bpe = { method: 'bpe', codes } as const;
  saveTextPipeline(out, {
    subwords: { src: bpe, trg: bpe },
    vocabularies: { src: vocabulary(src, sizes.src), trg: vocabulary(trg, sizes.trg) },
    preprocessing: { src: steps(langs[0] as string), trg: steps(langs[1] as string) },
  });
  return [
    "Text goes through Moses' normalisation and tokenisation as FSMT's tokenizer does it, except that full-width punctuation is left as it is.",
  ];
}

/** Pairs of units, best first; FSMT's files have a count behind each. */
function mergesText(path: string): string {
  return readTextFile(path, 'list of merges', maxBytes)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#version'))
    .map((line, i) => {
      const [left, right] = line.split(' ');
      if (!left || !right)
        throw new DataError(
          `${path}:${i + 1}: expected two units, found ${JSON.stringify(line.slice(0, 80))}. ${advice}`,
        );
      return `${left} ${right}\n`;
    })
    .join('');
}

/** Names of tokens by id in a tokenizer.json. */
function tokensOf(path: string): Map<number, string> {
  interface File {
    readonly model: { readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[] };
    readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  }
  const file = readJsonFile<File>(path, {
    what: 'tokenizer',
    maxBytes,
    advice,
    shape: jsonObject({
      model: jsonObject({ vocab: jsonAny }),
      added_tokens: jsonOptional(jsonList(jsonObject({ id: jsonCount, content: jsonText }))),
    }),
  });
  const { vocab } = file.model;
  if (typeof vocab !== 'object' || vocab === null)
    throw new DataError(`${path}: model.vocab is no list of tokens. ${advice}`);
  const entries: [number, string][] = Array.isArray(vocab)
    ? (vocab as readonly (readonly [string, number])[]).map(([name], id) => [id, name])
    : Object.entries(vocab as Readonly<Record<string, number>>).map(([name, id]) => [id, name]);
  return new Map([...entries, ...(file.added_tokens ?? []).map(({ id, content }): [number, string] => [id, content])]);
}

/** @throws DataError where special tokens have other ids, or names that a vocabulary cannot hold */
function vocabularyOf(names: ReadonlyMap<number, string>, size: number, path: string): Vocabulary {
  specialTokens.forEach((token, id) => {
    if (names.get(id) !== token)
      throw new DataError(
        `${path}: id ${id} is ${JSON.stringify(names.get(id) ?? null)}, expected ${token}: special tokens here are ${specialTokens.join(', ')}, from 0.`,
      );
  });
  for (const [id, name] of names)
    if (typeof name !== 'string' || /[\r\n]/.test(name))
      throw new DataError(`${path}: the token of id ${id} is ${JSON.stringify(name)}, expected a text of one line.`);
  let text = '';
  for (let id = specialTokens.length; id < size; id++) text += `${names.get(id) ?? `unused:${id}`} 1\n`;
  return Vocabulary.parse(text, path);
}
