import { test } from 'node:test';
import assert from 'node:assert/strict';
import { lexicon } from './lexicon.js';
import { clockWords, dateWords, englishNumber, germanNumber, ordinalWords, yearWords } from './numbers.js';

test('cardinals', () => {
  const table: [number, string, string][] = [
    [1, 'eins', 'one'],
    [16, 'sechzehn', 'sixteen'],
    [17, 'siebzehn', 'seventeen'],
    [21, 'einundzwanzig', 'twenty-one'],
    [30, 'dreißig', 'thirty'],
    [66, 'sechsundsechzig', 'sixty-six'],
    [77, 'siebenundsiebzig', 'seventy-seven'],
    [100, 'hundert', 'one hundred'],
    [101, 'hunderteins', 'one hundred and one'],
    [345, 'dreihundertfünfundvierzig', 'three hundred and forty-five'],
    [1000, 'tausend', 'one thousand'],
    [2012, 'zweitausendzwölf', 'two thousand and twelve'],
    [9999, 'neuntausendneunhundertneunundneunzig', 'nine thousand nine hundred and ninety-nine'],
  ];
  for (const [n, de, en] of table) assert.deepEqual([germanNumber(n), englishNumber(n)], [de, en]);
  for (const words of [germanNumber, englishNumber])
    assert.equal(new Set(Array.from({ length: 10_000 }, (_, n) => words(n))).size, 10_000);
});

test('years as they are read aloud', () => {
  assert.deepEqual(yearWords(1985), { de: 'neunzehnhundertfünfundachtzig', en: 'nineteen eighty-five' });
  assert.deepEqual(yearWords(1900), { de: 'neunzehnhundert', en: 'nineteen hundred' });
  assert.deepEqual(yearWords(1905), { de: 'neunzehnhundertfünf', en: 'nineteen oh five' });
  assert.deepEqual(yearWords(2001), { de: 'zweitausendeins', en: 'two thousand and one' });
  assert.deepEqual(yearWords(2012), { de: 'zweitausendzwölf', en: 'twenty twelve' });
});

test('ordinals and dates', () => {
  assert.deepEqual(
    [1, 2, 3, 5, 7, 8, 9, 12, 19, 20, 21, 30, 31].map((n) => ordinalWords(n).de),
    [
      'ersten',
      'zweiten',
      'dritten',
      'fünften',
      'siebten',
      'achten',
      'neunten',
      'zwölften',
      'neunzehnten',
      'zwanzigsten',
      'einundzwanzigsten',
      'dreißigsten',
      'einunddreißigsten',
    ],
  );
  assert.deepEqual(
    [1, 2, 3, 5, 7, 8, 9, 12, 19, 20, 21, 30, 31].map((n) => ordinalWords(n).en),
    [
      'first',
      'second',
      'third',
      'fifth',
      'seventh',
      'eighth',
      'ninth',
      'twelfth',
      'nineteenth',
      'twentieth',
      'twenty-first',
      'thirtieth',
      'thirty-first',
    ],
  );
  assert.deepEqual(dateWords(3, 4), { de: 'am dritten Mai', en: 'on the third of May' });
  assert.equal(
    lexicon().months.reduce((sum, { days }) => sum + days, 0),
    365,
  );
});

test('clock times', () => {
  const table: [number, number, string, string][] = [
    [1, 0, 'um ein Uhr', "at one o'clock"],
    [3, 30, 'um halb vier', 'at half past three'],
    [12, 30, 'um halb eins', 'at half past twelve'],
    [6, 45, 'um Viertel vor sieben', 'at a quarter to seven'],
    [1, 15, 'um Viertel nach eins', 'at a quarter past one'],
    [8, 10, 'um zehn nach acht', 'at ten past eight'],
    [8, 50, 'um zehn vor neun', 'at ten to nine'],
    [12, 55, 'um fünf vor eins', 'at five to one'],
    [2, 25, 'um fünf vor halb drei', 'at twenty-five past two'],
    [2, 35, 'um fünf nach halb drei', 'at twenty-five to three'],
  ];
  for (const [hour, minute, de, en] of table) assert.deepEqual(clockWords(hour, minute), { de, en });
});
