import { test } from 'node:test';
import assert from 'node:assert/strict';
import { englishClause, germanClause, type Clause, type VerbPosition } from './clause.js';
import { lexicon, type Determiner } from './lexicon.js';
import type { NounPhrase } from './nounPhrase.js';
import { clockWords } from './numbers.js';

const nouns = Object.values(lexicon().nouns).flat();
const allVerbs = Object.values(lexicon().verbs)
  .flat()
  .filter(({ frame }) => frame !== 'be' && frame !== 'cost');
const the = (de: string, determiner: Determiner = 'the', plural = false): NounPhrase => {
  const noun = nouns.find((entry) => entry.de[0] === de)!;
  return { kind: 'noun', noun, agreement: { person: 3, plural, gender: noun.gender }, determiner };
};
const pronoun = (person: 1 | 3, plural: boolean, gender: 'm' | 'f' = 'm'): NounPhrase => ({
  kind: 'pronoun',
  agreement: { person, plural, gender },
});
const verb = (de: string) => allVerbs.find((entry) => entry.de.prefix + entry.de.infinitive === de)!;
const clause = (parts: Partial<Clause> & Pick<Clause, 'subject' | 'verb'>): Clause => ({
  tense: 'present',
  negated: false,
  ...parts,
});
const german = (c: Clause, position: VerbPosition = 'second', front?: string): string =>
  germanClause(c, position, front);
const english = (c: Clause, form: 'statement' | 'question' | 'to' = 'statement'): string => englishClause(c, form);

test('separable verbs split in main clauses and close up at the end', () => {
  const call = clause({ subject: the('Mann'), verb: verb('anrufen'), object: the('Arzt'), time: clockWords(3, 30) });
  assert.equal(german(call), 'der Mann ruft um halb vier den Arzt an');
  assert.equal(german(call, 'last'), 'der Mann um halb vier den Arzt anruft');
  assert.equal(german(call, 'first'), 'ruft der Mann um halb vier den Arzt an');
  assert.equal(german({ ...call, time: undefined }, 'zu'), 'den Arzt anzurufen');
  assert.equal(german({ ...call, tense: 'past' }), 'der Mann hat um halb vier den Arzt angerufen');
  assert.equal(german({ ...call, modal: 'must' }, 'last'), 'der Mann um halb vier den Arzt anrufen muss');
  assert.equal(english(call), 'the man calls the doctor at half past three');
  assert.equal(english({ ...call, tense: 'past' }, 'question'), 'did the man call the doctor at half past three');
  assert.equal(english({ ...call, time: undefined }, 'to'), 'to call the doctor');
});

test('inversion, and time before manner before place against place before time', () => {
  const work = clause({
    subject: pronoun(3, false, 'f'),
    verb: verb('arbeiten'),
    tense: 'past',
    time: { de: 'gestern', en: 'yesterday' },
    manner: { de: 'allein', en: 'alone' },
    place: { de: 'im Garten', en: 'in the garden' },
  });
  assert.equal(german(work), 'sie hat gestern allein im Garten gearbeitet');
  assert.equal(
    german({ ...work, time: undefined }, 'second', 'gestern'),
    'gestern hat sie allein im Garten gearbeitet',
  );
  assert.equal(english(work), 'she worked alone in the garden yesterday');
  const go = clause({
    subject: the('Kind', 'the', true),
    verb: verb('fahren'),
    tense: 'past',
    goal: { de: 'nach Köln', en: 'to Cologne' },
    manner: { de: 'mit dem Zug', en: 'by train' },
  });
  assert.equal(german(go), 'die Kinder sind mit dem Zug nach Köln gefahren');
  assert.equal(english(go), 'the children went to Cologne by train');
});

test('negation: kein for indefinite objects, nicht elsewhere; English do', () => {
  const buy = clause({ subject: pronoun(3, false), verb: verb('kaufen'), object: the('Apfel', 'a'), negated: true });
  assert.equal(german(buy), 'er kauft keinen Apfel');
  assert.equal(english(buy), 'he does not buy an apple');
  assert.equal(german({ ...buy, object: the('Buch') }), 'er kauft das Buch nicht');
  assert.equal(german({ ...buy, object: the('Buch', 'none', true), tense: 'past' }), 'er hat keine Bücher gekauft');
  assert.equal(english({ ...buy, object: the('Buch', 'none', true), tense: 'past' }), 'he did not buy books');
  const wait = clause({
    subject: pronoun(1, true),
    verb: verb('warten'),
    object: the('Lehrer'),
    negated: true,
    tense: 'future',
  });
  assert.equal(german(wait), 'wir werden nicht auf den Lehrer warten');
  assert.equal(english(wait), 'we will not wait for the teacher');
  assert.equal(english({ ...buy, modal: 'must' }), 'he does not have to buy an apple');
  assert.equal(german({ ...buy, modal: 'can' }), 'er kann keinen Apfel kaufen');
  assert.equal(english({ ...buy, modal: 'can' }), 'he cannot buy an apple');
});

test('cases of objects, reflexives and exchanged subjects', () => {
  const give = clause({
    subject: pronoun(1, false),
    verb: verb('geben'),
    object: the('Brief'),
    receiver: the('Student'),
  });
  assert.equal(german(give), 'ich gebe dem Studenten den Brief');
  assert.equal(english(give), 'I give the letter to the student');
  const like = clause({ subject: the('Frau'), verb: verb('gefallen'), object: the('Buch', 'the', true) });
  assert.equal(german(like), 'der Frau gefallen die Bücher');
  assert.equal(german({ ...like, tense: 'past' }, 'last'), 'der Frau die Bücher gefallen haben');
  assert.equal(english(like), 'the woman likes the books');
  const care = clause({ subject: pronoun(1, false), verb: verb('kümmern'), object: the('Hund') });
  assert.equal(german(care), 'ich kümmere mich um den Hund');
  assert.equal(german({ ...care, subject: the('Mädchen') }, 'last'), 'das Mädchen sich um den Hund kümmert');
  assert.equal(english(care), 'I take care of the dog');
  const help = clause({ subject: the('Junge'), verb: verb('helfen'), object: the('Nachbar'), tense: 'past' });
  assert.equal(german(help), 'der Junge hat dem Nachbarn geholfen');
  assert.equal(english(help), 'the boy helped the neighbor');
});

test('gerade, gern and seit are verb forms in English', () => {
  const swim = clause({ subject: pronoun(3, true), verb: verb('schwimmen') });
  assert.equal(german({ ...swim, tense: 'now' }), 'sie schwimmen gerade');
  assert.equal(english({ ...swim, tense: 'now' }), 'they are swimming');
  assert.equal(german({ ...swim, gladly: true, negated: true }), 'sie schwimmen nicht gern');
  assert.equal(english({ ...swim, gladly: true, negated: true }), 'they do not like to swim');
  const read = clause({ subject: the('Onkel'), verb: verb('lesen'), object: the('Roman', 'none', true), gladly: true });
  assert.equal(german(read), 'der Onkel liest gern Romane');
  assert.equal(english(read), 'the uncle likes to read novels');
  const work = clause({
    subject: the('Chef'),
    verb: verb('arbeiten'),
    tense: 'since',
    time: { de: 'seit zwei Jahren', en: 'for two years' },
  });
  assert.equal(german(work), 'der Chef arbeitet seit zwei Jahren');
  assert.equal(english(work), 'the boss has worked for two years');
});

test('be: present, preterite, future and questions', () => {
  const tired = clause({
    subject: the('Koch', 'my', true),
    verb: lexicon().verbs.be[0],
    complement: { de: 'müde', en: 'tired' },
  });
  assert.equal(german(tired), 'meine Köche sind müde');
  assert.equal(german({ ...tired, tense: 'past', negated: true }), 'meine Köche waren nicht müde');
  assert.equal(german({ ...tired, tense: 'future' }, 'last'), 'meine Köche müde sein werden');
  assert.equal(english({ ...tired, tense: 'past', negated: true }), 'my cooks were not tired');
  assert.equal(english({ ...tired, subject: pronoun(1, false) }), 'I am tired');
  assert.equal(english(tired, 'question'), 'are my cooks tired');
  assert.equal(english({ ...tired, tense: 'future' }, 'question'), 'will my cooks be tired');
});

test('every verb has its forms and no two share a translation', () => {
  const english = new Map<string, string>();
  for (const { de, en, frame, objects } of allVerbs) {
    for (const form of [...de.present, de.participle, en.base, ...en.present, en.past, en.participle, en.ing])
      assert.match(form, /^[a-zäöüß]+$/, `${de.infinitive}: ${form}`);
    assert.match(de.infinitive, /n$/);
    assert.match(de.present[1], /t$|ß$/);
    assert.ok(de.participle.startsWith(de.prefix));
    assert.equal(objects.length === 0, frame === 'intransitive' || frame === 'motion', de.infinitive);
    const key = `${en.base} ${en.particle} ${frame === 'ditransitive'}`;
    assert.equal(english.get(key), undefined, `${key}: ${de.prefix}${de.infinitive}`);
    english.set(key, de.infinitive);
  }
  assert.deepEqual(
    allVerbs.filter(({ de }) => de.reflexive).map(({ de }) => de.infinitive),
    ['ruhen', 'freuen', 'erinnern', 'kümmern', 'verlieben', 'beschweren'],
  );
});

test('nouns and adjectives of one meaning are not given twice', () => {
  assert.equal(new Set(nouns.map(({ de }) => de[0])).size, nouns.length);
  assert.equal(new Set(nouns.map(({ en }) => en[0])).size, nouns.length);
  const adjectives = [
    ...new Set(
      Object.values(lexicon().adjectives)
        .flat()
        .map(({ de, en }) => `${de} ${en}`),
    ),
  ];
  assert.equal(new Set(adjectives.map((pair) => pair.split(' ')[0])).size, adjectives.length);
});
