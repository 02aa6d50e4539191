import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createTruecaser, detruecase, parseTruecaseModel, TruecaserTrainer } from './truecase.js';
import { caseLines } from '../../../test/cases.js';

const corpus = [
  'The cat sees Anna .',
  '" We see the NATO and the cat " : The end',
  'Anna said : Yes . The NATO sees the cat',
  'the',
  'The',
  '<b> Berlin </b> is in Germany .',
];

test('the model counts forms within sentences', () => {
  const trainer = new TruecaserTrainer();
  for (const line of corpus) trainer.add(line);
  assert.deepEqual(trainer.modelText().split('\n').slice(0, 5), [
    'cat (3/3)',
    'sees (2/2)',
    'Anna (1/1)',
    'see (1/1)',
    'the (3/3)',
  ]);
  assert.match(trainer.modelText(), /^the \(3\/3\)$/m); // "The" only ever begins sentences
  assert.match(trainer.modelText(), /^NATO \(2\/2\)$/m);
  assert.doesNotMatch(trainer.modelText(), /Berlin|<b>/); // first word, and markup
});

test('first tokens may count: in full without a capital, with a tenth as the only word of their line', () => {
  const trainer = new TruecaserTrainer({ possiblyUseFirstToken: true });
  for (const line of ['the cat', 'The', 'The', 'The', 'The dog']) trainer.add(line);
  assert.equal(trainer.modelText(), 'the (1/1.3) The (0.3)\ncat (1/1)\ndog (1/1)\n');
});

test('words get the case of the model', () => {
  const truecase = createTruecaser(
    parseTruecaseModel('the (5/6) The (1)\nNATO (3/3)\nAnna (2/3) anna (1)\nİzmir (1/1)\n'),
  );
  const cases: [string, string][] = [
    ['The NATO', 'the NATO'],
    ['THE nato and The the', 'the NATO and The the'],
    ['anna . Anna anna ANNA', 'Anna . Anna anna Anna'],
    ['( &quot; The', '( &quot; the'],
    ['Dogs : The cat', 'Dogs : the cat'],
    ['The|DT nato|NN', 'the|DT NATO|NN'],
    ['|x The', '|x The'],
    ['<b> The </b> nato', '<b> the</b> NATO'],
    ['  The\u3000nato ', 'the NATO'],
    ['', ''],
    ['unknown', 'unknown'],
  ];
  for (const [input, expected] of cases) assert.equal(truecase(input), expected);
});

test('sentences begin with capitals again', () => {
  assert.equal(detruecase(' the end . " we : you '), 'The end . " We : You');
  assert.equal(detruecase('ßa \u{10428} : \u{10428}x'), 'SSa \u{10428} : \u{10400}x');
});

test('words without a cased letter are left out of the model', () => {
  const trainer = new TruecaserTrainer();
  for (const line of caseLines('06-truecaser-words-without-case.txt')) trainer.add(line);
  assert.deepEqual(trainer.modelText().split('\n').slice(0, -1).sort(), [
    'dog (1/1)',
    'is (1/1)',
    'm (1/1)',
    'man (1/1)',
    'old (1/1)',
    'said (1/1)',
    'years (1/1)',
  ]);
});
