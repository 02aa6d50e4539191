import assert from 'node:assert/strict';
import { test } from 'node:test';
import { perlPattern } from './moses/perlPattern.js';
import { userGroups } from './patternDialect.js';
import { pythonPattern } from './subwords/pythonPattern.js';

/** Pattern, text, and Perl 5.36's match. */
const perl: readonly [string, string, string][] = [
  ['(?:a*?)?b?', 'aab', ''],
  ['x(?:a??)?', 'xa', 'x'],
  ['x(?:a?|b)?', 'xb', 'x'],
  ['x(?:|a)?+a', 'xa', 'xa'],
  ['x(?:a*)*', 'xaab', 'xaa'],
  ['x(?:a?b?)+', 'xabab', 'xabab'],
  ['x(?:a*){1,2}', 'xaa', 'xaa'],
  ['(?:(?:|a)b)*', 'abb', 'abb'],
  ['(?:a|ab)(?:c|bcd)*', 'abcd', 'abcd'],
];

/** Pattern, text, and Python 3.11's match and captures. */
const python: readonly [string, string, string, (string | undefined)[]][] = [
  ['x(a*)?', 'xb', 'x', ['']],
  ['x(\\d*)?y', 'xy', 'xy', ['']],
  ['x(?P<n>a*?)?', 'xa', 'x', ['']],
  ['x(a*)??', 'xa', 'x', [undefined]],
  ['x(a)?', 'xb', 'x', [undefined]],
  ['x(?:a*)*(b)', 'xaab', 'xaab', ['b']],
];

test('parts that may be empty are repeated like in Perl and Python', () => {
  for (const [pattern, text, match] of perl) assert.equal(perlPattern(pattern, 'p').exec(text)?.[0], match, pattern);
  for (const [pattern, text, match, groups] of python) {
    const found = new RegExp(pythonPattern(pattern), 'sv').exec(text);
    assert.deepEqual([found?.[0], found && userGroups(found)], [match, groups], pattern);
  }
});

test('where JavaScript would match something else the repetition is refused', () => {
  for (const pattern of ['(?:a*?)*', '(?:a?|b)+', '(?:|a){1,2}', '(?:a{0,2}?){0,3}', '(?:(?:a*?)?)*'])
    assert.throws(() => perlPattern(pattern, 'the pattern'), {
      name: 'UsageError',
      message:
        /^the pattern ".*" is not a regular expression: (\*|\+|\{.*\}) repeats what may be empty, and an empty round/,
    });
  for (const pattern of ['(a*)*', '(?:(a)?)+', '(\\b){0,2}'])
    assert.throws(() => pythonPattern(pattern), /repeats (what may be empty|a group that)/);
  for (const pattern of ['(?:(a)|b)*', '(?:x(a)?){2}', '(?:(?:(a)|b)c)+?', '((a)|b){1,3}'])
    assert.throws(() => pythonPattern(pattern), /repeats a group that not every round takes part in/, pattern);
  // what a group holds matters to Perl's patterns where they refer to it
  for (const pattern of ['(?:(a)|b)*\\1', '^(a*)*\\1b'])
    assert.throws(() => perlPattern(pattern, 'p'), /repeats (a group that|what may be empty)/, pattern);
  assert.equal(perlPattern('(?:(a)|b)*', 'p').exec('ab')?.[0], 'ab');
  assert.equal(perlPattern('(["\'])(?:a|b)*\\1', 'p').exec('x"ab"')?.[0], '"ab"');
  for (const [pattern, text, groups] of [
    ['(?:(a)|b)?', 'b', [undefined]],
    ['(?:(a)b){2}', 'abab', ['a']],
    ['(a|b)+', 'ab', ['b']],
  ] as const)
    assert.deepEqual(userGroups(new RegExp(pythonPattern(pattern), 'sv').exec(text)!), groups, pattern);
  for (const pattern of [
    '(a)?\\1b',
    '(?:(a)|b)\\1',
    '(a)|\\1',
    '(a\\1?)',
    '(?!(a))\\1',
    'x(?:(a)b)*\\1',
    '(?:(a)|)\\1',
  ])
    for (const translate of [pythonPattern, (text: string) => perlPattern(text, 'p')])
      assert.throws(() => translate(pattern), /\\1 refers to a group that may have matched nothing/, pattern);
  for (const [pattern, text, match] of [
    ['(["\'])[^"\']*\\1', `it's "a b"`, '"a b"'],
    ['(?:(a)b|c)x|(a)\\2', 'aa', 'aa'],
    ['(?:x(a)+)(?=b)b\\1', 'xaaba', 'xaaba'],
    ['(a?)b{0,2}(?:c|d\\1)', 'adad', 'ada'],
  ])
    assert.equal(perlPattern(pattern, 'p').exec(text)?.[0], match, pattern);
  for (const pattern of ['\\t{a}', '\\w{'])
    assert.throws(() => perlPattern(pattern, 'p'), /a brace behind a letter with a backslash has to be written \\\{/);
  assert.equal(perlPattern('a{x}', 'p').exec('a{x}')?.[0], 'a{x}');
});
