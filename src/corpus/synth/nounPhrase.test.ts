import { test } from 'node:test';
import assert from 'node:assert/strict';
import { lexicon, type Determiner } from './lexicon.js';
import { english, german, germanPrepositional, indefinite, type NounPhrase } from './nounPhrase.js';

const nouns = Object.values(lexicon().nouns).flat();
const adjectives = Object.values(lexicon().adjectives).flat();

function phrase(
  de: string,
  determiner: Determiner,
  { plural = false, number, adjective }: { plural?: boolean; number?: number; adjective?: string } = {},
): NounPhrase {
  const noun = nouns.find((entry) => entry.de[0] === de)!;
  return {
    kind: 'noun',
    noun,
    agreement: { person: 3, plural, gender: noun.gender },
    determiner,
    number,
    adjective: adjectives.find((entry) => entry.de === adjective),
  };
}

test('German declension by case, gender, number and determiner', () => {
  const table: [NounPhrase, string, string, string][] = [
    [phrase('Hund', 'the', { adjective: 'klein' }), 'der kleine Hund', 'den kleinen Hund', 'dem kleinen Hund'],
    [phrase('Frau', 'the', { adjective: 'jung' }), 'die junge Frau', 'die junge Frau', 'der jungen Frau'],
    [phrase('Kind', 'the', { adjective: 'müde' }), 'das müde Kind', 'das müde Kind', 'dem müden Kind'],
    [
      phrase('Kind', 'the', { plural: true, adjective: 'müde' }),
      'die müden Kinder',
      'die müden Kinder',
      'den müden Kindern',
    ],
    [phrase('Hund', 'a', { adjective: 'klein' }), 'ein kleiner Hund', 'einen kleinen Hund', 'einem kleinen Hund'],
    [phrase('Frau', 'a', { adjective: 'jung' }), 'eine junge Frau', 'eine junge Frau', 'einer jungen Frau'],
    [phrase('Buch', 'a', { adjective: 'teuer' }), 'ein teures Buch', 'ein teures Buch', 'einem teuren Buch'],
    [
      phrase('Buch', 'no', { plural: true, adjective: 'alt' }),
      'keine alten Bücher',
      'keine alten Bücher',
      'keinen alten Büchern',
    ],
    [phrase('Student', 'this'), 'dieser Student', 'diesen Studenten', 'diesem Studenten'],
    [phrase('Nachbar', 'my'), 'mein Nachbar', 'meinen Nachbarn', 'meinem Nachbarn'],
    [
      phrase('Bruder', 'our', { adjective: 'groß' }),
      'unser großer Bruder',
      'unseren großen Bruder',
      'unserem großen Bruder',
    ],
    [
      phrase('Schwester', 'our', { adjective: 'klein' }),
      'unsere kleine Schwester',
      'unsere kleine Schwester',
      'unserer kleinen Schwester',
    ],
    [phrase('Mann', 'every'), 'jeder Mann', 'jeden Mann', 'jedem Mann'],
    [
      phrase('Auto', 'none', { plural: true, number: 21, adjective: 'rot' }),
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
  assert.equal(english(phrase('Apfel', 'a'), true), 'an apple');
  assert.equal(english(phrase('Apfel', 'a', { adjective: 'rot' }), true), 'a red apple');
  assert.equal(english(phrase('Universität', 'a'), true), 'a university');
  assert.equal(english(phrase('Kartoffel', 'this', { plural: true }), true), 'these potatoes');
  assert.equal(english(phrase('Küchentür', 'the'), true), 'the kitchen door');
  assert.equal(english(phrase('Messer', 'none', { plural: true, number: 2 }), true), 'two knives');
  assert.equal(english(phrase('Kirche', 'none', { plural: true, number: 32 }), true), 'thirty-two churches');
  assert.deepEqual(['umbrella', 'old', 'uniform', 'hat'].map(indefinite), ['an', 'an', 'a', 'a']);
});

test('pronouns and contractions', () => {
  const she: NounPhrase = { kind: 'pronoun', agreement: { person: 3, plural: false, gender: 'f' } };
  assert.deepEqual(
    [german(she, 'nom'), german(she, 'acc'), german(she, 'dat'), english(she, true), english(she, false)],
    ['sie', 'sie', 'ihr', 'her', 'she'],
  );
  assert.equal(germanPrepositional('in', phrase('Park', 'the'), 'dat'), 'im Park');
  assert.equal(germanPrepositional('in', phrase('Kino', 'the'), 'acc'), 'ins Kino');
  assert.equal(germanPrepositional('zu', phrase('Universität', 'the'), 'dat'), 'zur Universität');
  assert.equal(germanPrepositional('in', phrase('Park', 'this'), 'dat'), 'in diesem Park');
  assert.equal(germanPrepositional('an', phrase('See', 'the', { plural: true }), 'dat'), 'an den Seen');
});
