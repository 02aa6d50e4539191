import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as perlText from './perlText.js';

/** The classes, and their names in Perl. */
const classes: [keyof typeof perlText & string, string][] = [
  ['letter', '\\p{IsAlpha}'],
  ['number', '\\p{IsN}'],
  ['digit', '\\p{Nd}'],
  ['alnum', '\\p{IsAlnum}'],
  ['lower', '\\p{IsLower}'],
  ['lowerLetter', '\\p{Ll}'],
  ['other', '\\p{C}'],
  ['punctuation', '[[:punct:]]'],
  ['wordCharacter', '\\w'],
  ['space', '\\s'],
  ['horizontalSpace', '\\h'],
];

const version = spawnSync('perl', ['-MUnicode::UCD', '-e', 'print Unicode::UCD::UnicodeVersion()'], {
  encoding: 'utf8',
}).stdout;
const skip = version?.startsWith('14.') ? false : 'no perl with Unicode 14 here';

/** Planes 0 to 3 hold all letters; the others have ideographs, tags and private use, alike throughout. */
const lastCodePoint = 0x3ffff;

test('every class has the characters that Perl has in it', { skip }, () => {
  const bits = classes.map(([, pattern], i) => `($s =~ /${pattern}/ ? ${2 ** i} : 0)`).join('|');
  const script = `no warnings; for my $c (0..${lastCodePoint}) { if ($c >= 0xd800 && $c <= 0xdfff) { print "\\0\\0"; next } my $s = chr $c; utf8::upgrade($s); print pack "v", ${bits}; }`;
  const { stdout } = spawnSync('perl', ['-e', script], { maxBuffer: 2 ** 22 });
  assert.equal(stdout.length, 2 * (lastCodePoint + 1));
  classes.forEach(([name], i) => {
    const ours = new RegExp(`^${perlText[name] as string}$`, 'v');
    for (let c = 0; c <= lastCodePoint; c++) {
      if (c >= 0xd800 && c <= 0xdfff) continue;
      if (ours.test(String.fromCodePoint(c)) !== Boolean((stdout.readUInt16LE(2 * c) >> i) & 1))
        assert.fail(`${name}: U+${c.toString(16)}`);
    }
  });
});

test('split leaves out only empty parts at the end', () => {
  assert.deepEqual(perlText.splitAsPerl(' a  b  ', ' '), ['', 'a', '', 'b']);
  assert.deepEqual(
    [
      perlText.isBlank('\u3000\u0085 '),
      perlText.isBlank('\ufeff'),
      perlText.isTagLine('<a\u2028b>'),
      perlText.isTagLine('<>'),
    ],
    [true, false, true, false],
  );
});
