/** Clauses: one meaning, expressed in German (germanClause.ts) and in English (englishClause.ts). */
import type { NounPhrase } from './nounPhrase.js';
import type { Phrase } from './numbers.js';
import type { Modal, Verb } from './verbs.js';

/**
 * When it happens. `past` is the German perfect and the English simple past; `now` is "liest gerade" and "is reading";
 * `since` is the German present with "seit" and the English present perfect.
 */
export type Tense = 'present' | 'past' | 'future' | 'now' | 'since';

/** A place: a fixed phrase. */
export interface Adverbials {
  readonly time?: Phrase;
  /** "oft", "often": after the German verb, before the English one. */
  readonly frequency?: Phrase;
  readonly manner?: Phrase;
  readonly place?: Phrase;
  /** The goal of a motion: "in den Park", "to the park". */
  readonly goal?: Phrase;
}

export interface Clause extends Adverbials {
  readonly subject: NounPhrase;
  /** `be` with a complement, or a verb. */
  readonly verb: Verb | 'be';
  readonly object?: NounPhrase;
  /** Receiver of a ditransitive verb. */
  readonly receiver?: NounPhrase;
  /** What follows "be" or a verb of measure: an adjective, an age, a price. */
  readonly complement?: Phrase;
  readonly tense: Tense;
  /** Present tense only. */
  readonly modal?: Modal;
  readonly negated: boolean;
  /** "gern": English "likes to". Present tense without modal only. */
  readonly gladly?: boolean;
}

/** The space-separated words of a text; empty for an absent text. */
export function wordsOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(' ');
}
