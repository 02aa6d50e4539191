/** Clauses in English: statements, questions with inversion or "do", and infinitives. */
import { wordsOf, type Clause } from './clause.js';
import { agreementOf, englishNounPhrase, type Agreement } from './nounPhrase.js';
import type { EnglishVerb, Modal } from './verbs.js';

/** Words of a clause. `question` inverts subject and auxiliary; `to` is an infinitive without subject. */
export function englishClause(clause: Clause, form: 'statement' | 'question' | 'to'): string[] {
  const subject = englishNounPhrase(clause.subject, false);
  const tail = [
    ...(clause.object ? englishNounPhrase(clause.object, true) : []),
    ...(clause.receiver ? ['to', ...englishNounPhrase(clause.receiver, true)] : []),
    ...wordsOf(clause.complement?.en),
    ...wordsOf(clause.goal?.en),
    ...wordsOf(clause.manner?.en),
    ...wordsOf(clause.place?.en),
    ...wordsOf(clause.time?.en),
  ];
  if (form === 'to') return ['to', ...baseForm(clause), ...tail];
  const { auxiliary, main } = predicate(clause, form === 'question');
  const frequency = wordsOf(clause.frequency?.en);
  if (form === 'statement') return [...subject, ...auxiliary, ...frequency, ...main, ...tail];
  const [first, ...others] = auxiliary;
  return [first, ...subject, ...others, ...frequency, ...main, ...tail];
}

function baseForm({ verb }: Clause): string[] {
  return verb === 'be' ? ['be'] : [verb.en.base, ...verb.en.particle];
}

/** Auxiliaries with "not", and the main verb with its particle. */
function predicate(clause: Clause, question: boolean): { auxiliary: string[]; main: string[] } {
  const agreement = agreementOf(clause.subject);
  const { verb, tense, modal, negated } = clause;
  const not = negated ? ['not'] : [];
  const base = baseForm(clause);
  if (modal) return modalPredicate(modal, agreement, negated, question, base);
  if (tense === 'future') return { auxiliary: ['will', ...not], main: base };
  if (verb === 'be') return { auxiliary: [formOfBe(agreement, tense === 'past'), ...not], main: [] };
  if (tense === 'now')
    return { auxiliary: [formOfBe(agreement, false), ...not], main: [verb.en.ing, ...verb.en.particle] };
  if (tense === 'since')
    return {
      auxiliary: [isThirdSingular(agreement) ? 'has' : 'have', ...not],
      main: [verb.en.participle, ...verb.en.particle],
    };
  const spoken = clause.gladly ? likeVerb : verb.en;
  const after = clause.gladly ? ['to', ...base] : verb.en.particle;
  return simplePredicate(spoken, [...after], agreement, tense === 'past', negated, question);
}

const likeVerb: Pick<EnglishVerb, 'base' | 'third' | 'past'> = { base: 'like', third: 'likes', past: 'liked' };

/** Simple tenses: "do" carries negation and questions. */
function simplePredicate(
  verb: Pick<EnglishVerb, 'base' | 'third' | 'past'>,
  after: string[],
  agreement: Agreement,
  past: boolean,
  negated: boolean,
  question: boolean,
): { auxiliary: string[]; main: string[] } {
  if (negated || question) {
    const auxiliary = past ? 'did' : isThirdSingular(agreement) ? 'does' : 'do';
    return { auxiliary: negated ? [auxiliary, 'not'] : [auxiliary], main: [verb.base, ...after] };
  }
  return { auxiliary: [], main: [past ? verb.past : isThirdSingular(agreement) ? verb.third : verb.base, ...after] };
}

function modalPredicate(
  modal: Modal,
  agreement: Agreement,
  negated: boolean,
  question: boolean,
  base: string[],
): { auxiliary: string[]; main: string[] } {
  const plain = (word: string): { auxiliary: string[]; main: string[] } => ({
    auxiliary: negated ? [word, 'not'] : [word],
    main: base,
  });
  switch (modal) {
    case 'can':
      return { auxiliary: [negated ? 'cannot' : 'can'], main: base };
    // "muss nicht" says that there is no need, "must not" would forbid
    case 'must':
      return negated
        ? simplePredicate(
            { base: 'have', third: 'has', past: 'had' },
            ['to', ...base],
            agreement,
            false,
            true,
            question,
          )
        : plain('must');
    case 'want':
      return simplePredicate(
        { base: 'want', third: 'wants', past: 'wanted' },
        ['to', ...base],
        agreement,
        false,
        negated,
        question,
      );
    case 'wouldLike':
      return { auxiliary: negated ? ['would', 'not'] : ['would'], main: ['like', 'to', ...base] };
    default:
      return plain(modal);
  }
}

function isThirdSingular({ person, plural }: Agreement): boolean {
  return person === 3 && !plural;
}

function formOfBe({ person, plural }: Agreement, past: boolean): string {
  if (past) return plural ? 'were' : 'was';
  return plural ? 'are' : person === 1 ? 'am' : 'is';
}
