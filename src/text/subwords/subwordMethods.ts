import { checkFields, choice, type Field } from '../../field.js';
import { jsonObject, jsonOneOf, type JsonShape } from '../../storage/jsonFile.js';
import { bpe } from './methods/bpe.js';
import { huggingface } from './methods/huggingFace.js';
import { none } from './methods/none.js';
import { sentencepiece } from './methods/sentencePiece.js';
import type { NamedOptions, SubwordMethod } from './subwordMethod.js';

type Methods = Readonly<Record<string, unknown>>;
type FieldsOf<M> = M extends SubwordMethod<infer F, infer _, infer __> ? F : never;
type OptionsOf<M> = M extends SubwordMethod<infer _, infer O, infer __> ? O : never;
type AskedOf<M> = M extends SubwordMethod<infer _, infer __, infer A> ? A : never;
type UnionToIntersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void ? I : never;

/** What learning, segmenting and the way from text to ids take of a set of methods. */
export interface SubwordChoice {
  /** The options that name files, of all methods. */
  readonly files: readonly string[];
  /** @throws UsageError if there is no method of that name */
  method(name: string): SubwordMethod;
  /** What text.json holds of any method. */
  readonly savedShape: JsonShape;
}

/** What configurations take besides. */
export interface SubwordTable<M extends Methods> extends SubwordChoice {
  readonly names: readonly (keyof M & string)[];
  /** All settings of all methods. */
  readonly fields: UnionToIntersection<FieldsOf<M[keyof M]>>;
}

/** @throws Error if two methods have a setting of the same name */
export function subwordTable<const M extends Methods>(methods: M): SubwordTable<M> {
  const names = Object.keys(methods) as (keyof M & string)[];
  const untyped = methods as unknown as Readonly<Record<string, SubwordMethod>>;
  const all = Object.values(untyped).flatMap(({ fields }) => Object.entries(fields));
  const repeated = all.find(([key], i) => all.findIndex(([other]) => other === key) !== i);
  if (repeated) throw new Error(`two subword methods have the setting ${repeated[0]}`);
  return {
    names,
    fields: Object.fromEntries(all) as SubwordTable<M>['fields'],
    files: Object.values(untyped).flatMap(({ files }) => Object.keys(files)),
    method(name) {
      checkFields({ method: name }, { method: methodField(names) }, 'subwords.');
      return untyped[name];
    },
    savedShape(value, field) {
      jsonObject({ method: jsonOneOf(names) })(value, field);
      untyped[(value as NamedOptions).method].savedShape(value, field);
    },
  };
}

/**
 * The ways to split words that configurations can name. A further one: a file like methods/huggingFace.ts, and its name
 * here.
 */
const methods = { none, bpe, sentencepiece, huggingface };
export const subwordMethods = subwordTable(methods);

type Kinds = (typeof methods)[keyof typeof methods];

/** How lines become tokens. File names are paths; files may end in .gz except SentencePiece models. */
export type SubwordOptions = OptionsOf<Kinds>;

/** The subwords of a corpus: to apply, or to learn from its training set. */
export type PrepareSubwords = SubwordOptions | AskedOf<Kinds>;

/** The setting that names a method. */
export const methodField = <const N extends string>(names: readonly N[]): Field<N> =>
  choice(names, names[0], 'none: the text is tokens already, separated by spaces.');
