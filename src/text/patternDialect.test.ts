import assert from 'node:assert/strict';
import { test } from 'node:test';
import { perlPattern } from './moses/perlPattern.js';
import { userGroups } from './patternDialect.js';
import { pythonPattern } from './subwords/pythonPattern.js';

/** Pattern, text, and what Perl 5.36 matches. */
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

/** Pattern, text, and what Python 3.11 matches and captures. */
const python: readonly [string, string, string, (string | undefined)[]][] = [
  ['x(a*)?', 'xb', 'x', ['']],
  ['x(\\d*)?y', 'xy', 'xy', ['']],
  ['x(?P<n>a*?)?', 'xa', 'x', ['']],
  ['x(a*)??', 'xa', 'x', [undefined]],
  ['x(a)?', 'xb', 'x', [undefined]],
  ['x(?:a*)*(b)', 'xaab', 'xaab', ['b']],
];

test('what may be empty is repeated as Perl and Python do it', () => {
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
    assert.throws(() => pythonPattern(pattern), /repeats what may be empty/);
  for (const pattern of ['\\t{a}', '\\w{'])
    assert.throws(() => perlPattern(pattern, 'p'), /a brace behind a letter with a backslash has to be written \\\{/);
  assert.equal(perlPattern('a{x}', 'p').exec('a{x}')?.[0], 'a{x}');
});
