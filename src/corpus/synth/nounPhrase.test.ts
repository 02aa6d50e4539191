import { test } from 'node:test';
import assert from 'node:assert/strict';
import { adjectivesFor } from './adjectives.js';
import { animals, compounds, food, openings, people, readables, sites, things, type Noun } from './nouns.js';
import {
  englishNounPhrase,
  germanNounPhrase,
  germanPrepositional,
  indefiniteArticle,
  type Case,
  type Determiner,
  type NounPhrase,
} from './nounPhrase.js';

const all: readonly Noun[] = [
  ...people,
  ...animals,
  ...food,
  ...readables,
  ...openings,
  ...things,
  ...compounds,
  ...sites,
];
const adjective = (de: string) =>
  Object.values(adjectivesFor)
    .flat()
    .find((entry) => entry.de === de)!;

function phrase(
  noun: string,
  determiner: Determiner,
  options: { plural?: boolean; number?: number; adjectives?: string[] } = {},
): NounPhrase {
  return {
    kind: 'noun',
    noun: all.find(({ de }) => de === noun)!,
    determiner,
    plural: options.plural ?? false,
    number: options.number,
    adjectives: (options.adjectives ?? []).map(adjective),
  };
}
const german = (np: NounPhrase, grammaticalCase: Case) => germanNounPhrase(np, grammaticalCase).join(' ');
const english = (np: NounPhrase) => englishNounPhrase(np, true).join(' ');

test('German declension by case, gender, number and determiner', () => {
  const table: [NounPhrase, string, string, string][] = [
    [phrase('Hund', 'the', { adjectives: ['klein'] }), 'der kleine Hund', 'den kleinen Hund', 'dem kleinen Hund'],
    [phrase('Frau', 'the', { adjectives: ['jung'] }), 'die junge Frau', 'die junge Frau', 'der jungen Frau'],
    [phrase('Kind', 'the', { adjectives: ['müde'] }), 'das müde Kind', 'das müde Kind', 'dem müden Kind'],
    [
      phrase('Kind', 'the', { plural: true, adjectives: ['müde'] }),
      'die müden Kinder',
      'die müden Kinder',
      'den müden Kindern',
    ],
    [phrase('Hund', 'a', { adjectives: ['klein'] }), 'ein kleiner Hund', 'einen kleinen Hund', 'einem kleinen Hund'],
    [phrase('Frau', 'a', { adjectives: ['jung'] }), 'eine junge Frau', 'eine junge Frau', 'einer jungen Frau'],
    [phrase('Buch', 'a', { adjectives: ['teuer'] }), 'ein teures Buch', 'ein teures Buch', 'einem teuren Buch'],
    [
      phrase('Buch', 'no', { plural: true, adjectives: ['alt'] }),
      'keine alten Bücher',
      'keine alten Bücher',
      'keinen alten Büchern',
    ],
    [phrase('Student', 'this'), 'dieser Student', 'diesen Studenten', 'diesem Studenten'],
    [phrase('Nachbar', 'my'), 'mein Nachbar', 'meinen Nachbarn', 'meinem Nachbarn'],
    [
      phrase('Bruder', 'our', { adjectives: ['groß'] }),
      'unser großer Bruder',
      'unseren großen Bruder',
      'unserem großen Bruder',
    ],
    [
      phrase('Schwester', 'our', { adjectives: ['klein'] }),
      'unsere kleine Schwester',
      'unsere kleine Schwester',
      'unserer kleinen Schwester',
    ],
    [phrase('Mann', 'every'), 'jeder Mann', 'jeden Mann', 'jedem Mann'],
    [
      phrase('Auto', 'none', { plural: true, number: 21, adjectives: ['rot'] }),
      'einundzwanzig rote Autos',
      'einundzwanzig rote Autos',
      'einundzwanzig roten Autos',
    ],
    [phrase('Küchentisch', 'her'), 'ihr Küchentisch', 'ihren Küchentisch', 'ihrem Küchentisch'],
    [phrase('Haustür', 'the'), 'die Haustür', 'die Haustür', 'der Haustür'],
  ];
  for (const [np, nom, acc, dat] of table)
    assert.deepEqual([german(np, 'nom'), german(np, 'acc'), german(np, 'dat')], [nom, acc, dat]);
});

test('English articles, plurals and compounds', () => {
  assert.equal(english(phrase('Apfel', 'a')), 'an apple');
  assert.equal(english(phrase('Apfel', 'a', { adjectives: ['rot'] })), 'a red apple');
  assert.equal(english(phrase('Universität', 'a')), 'a university');
  assert.equal(english(phrase('Kartoffel', 'this', { plural: true })), 'these potatoes');
  assert.equal(english(phrase('Küchentür', 'the')), 'the kitchen door');
  assert.equal(english(phrase('Messer', 'none', { plural: true, number: 2 })), 'two knives');
  assert.equal(english(phrase('Kirche', 'none', { plural: true, number: 32 })), 'thirty-two churches');
  assert.deepEqual(['umbrella', 'old', 'uniform', 'hat'].map(indefiniteArticle), ['an', 'an', 'a', 'a']);
});

test('pronouns and contractions', () => {
  const she: NounPhrase = { kind: 'pronoun', agreement: { person: 3, plural: false, gender: 'f' } };
  assert.deepEqual(
    [german(she, 'nom'), german(she, 'acc'), german(she, 'dat'), english(she), englishNounPhrase(she, false)[0]],
    ['sie', 'sie', 'ihr', 'her', 'she'],
  );
  assert.equal(germanPrepositional('in', phrase('Park', 'the'), 'dat').join(' '), 'im Park');
  assert.equal(germanPrepositional('in', phrase('Kino', 'the'), 'acc').join(' '), 'ins Kino');
  assert.equal(germanPrepositional('zu', phrase('Universität', 'the'), 'dat').join(' '), 'zur Universität');
  assert.equal(germanPrepositional('in', phrase('Park', 'this'), 'dat').join(' '), 'in diesem Park');
  assert.equal(germanPrepositional('an', phrase('See', 'the', { plural: true }), 'dat').join(' '), 'an den Seen');
});
