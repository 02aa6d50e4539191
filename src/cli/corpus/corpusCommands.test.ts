import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const main = fileURLToPath(new URL('../main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-corpus-'));
after(() => rmSync(folder, { recursive: true }));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** Runs `coldstart corpus ...` in the folder, with text or bytes at standard input. */
function corpus(
  args: readonly string[],
  input: string | Buffer = '',
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, 'corpus', ...args], { cwd: folder, input, encoding: 'utf8' });
}

function gives(args: readonly string[], input: string, output: string): void {
  const { status, stdout, stderr } = corpus(args, input);
  assert.deepEqual([status, stdout, stderr], [0, output, ''], args.join(' '));
}

test('lines in, lines out', () => {
  gives(
    ['tokenize', '-l', 'en', '-a'],
    "Dr. Smith doesn't know it-girls.\n\nlast",
    'Dr. Smith doesn &apos;t know it @-@ girls .\n\nlast\n',
  );
  gives(['tokenize', '-l', 'fr', '--no-escape', '-x'], "<doc>\nL'eau\n", "<doc>\nL' eau\n");
  gives(
    ['normalize', '-l', 'de', '--unicode', 'NFC', '--remove-non-printing'],
    '„u\u0308ber“ \u200bx\n',
    '"über"  x\n',
  );
  gives(['normalize', '--unicode', 'NFKC', '--no-punctuation'], 'ﬁ Ａ „x“\n', 'fi A „x“\n');
  gives(['normalize', '--penn'], "`x'' ( y )\n", '`x" (y) \n');
  gives(['detokenize', '-l', 'en', '-u'], 'hello , it &apos;s me .\n', "Hello, it's me.\n");
  gives(['lowercase'], 'ÄΣ\n', 'äσ\n');
  gives(['detruecase'], 'yes . no\n', 'Yes . No\n');
  gives(['get-vocab'], 'b a\nb\n', 'b 2\na 1\n');
  gives(['tokenize'], '', '');
});

test('lists of prefixes and protected patterns from files', () => {
  writeFileSync(join(folder, 'prefixes'), 'xyz\n');
  writeFileSync(join(folder, 'patterns'), 'a\\.b\\.?\n\n');
  gives(
    ['tokenize', '-l', 'sv', '--prefixes', 'prefixes', '--protected', 'patterns'],
    'Dr. A xyz. B a.b. C\n',
    'Dr . A xyz. B a.b. C\n',
  );
  const { stderr, status } = corpus(['tokenize', '-l', 'tr'], 'a');
  assert.deepEqual(
    [status, stderr],
    [
      0,
      'coldstart: no abbreviations of language "tr" are known, the English ones are used. --prefixes FILE reads a list.\n',
    ],
  );
});

test('files: packed by name, whole or not at all, never overwritten', () => {
  writeFileSync(join(folder, 'in.txt'), 'A, B\n'.repeat(100_000));
  gives(['tokenize', '--input', 'in.txt', '--output', 'out.gz'], '', '');
  assert.equal(gunzipSync(readFileSync(join(folder, 'out.gz'))).toString(), 'A , B\n'.repeat(100_000));
  gives(['lowercase', '--input', 'out.gz', '--output', 'lower.txt'], '', '');
  assert.equal(read('lower.txt'), 'a , b\n'.repeat(100_000));
  const again = corpus(['tokenize', '--input', 'in.txt', '--output', 'out.gz']);
  assert.deepEqual([again.status, /out\.gz exists already/.test(again.stderr)], [1, true]);
  const broken = corpus(['tokenize', '--output', 'broken.txt'], Buffer.from([97, 10, 0xff, 10]));
  assert.deepEqual([broken.status, /standard input:2 is not valid UTF-8/.test(broken.stderr)], [1, true]);
  const packed = corpus(['lowercase'], readFileSync(join(folder, 'out.gz'))); // gzip is recognised under any name
  assert.deepEqual([packed.status, packed.stderr, packed.stdout], [0, '', 'a , b\n'.repeat(100_000)]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('broken')),
    [],
  );
  gives(['lowercase', '--output', 'new/folder/a'], 'A\n', '');
  assert.equal(read('new/folder/a'), 'a\n');
  const inFile = corpus(['lowercase', '--output', 'in.txt/a'], 'a');
  assert.deepEqual(
    [inFile.status, inFile.stderr],
    [
      1,
      `coldstart: in.txt/a cannot be written: ${join(folder, 'in.txt')} is a file, expected a folder. Choose another place. [WRITE_FAILED]\n`,
    ],
  );
});

test('a reader that closes its pipe ends the command quietly, with the status of SIGPIPE', () => {
  const { stdout, stderr, status } = spawnSync(
    'bash',
    [
      '-c',
      `yes 'Hello, world.' | head -n 300000 | "${process.execPath}" "${main}" corpus tokenize | head -n 1; exit \${PIPESTATUS[2]}`,
    ],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stdout, stderr], [141, 'Hello , world .\n', '']);
});

test(
  'a full disk is reported, with the file that could not be written',
  { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' },
  () => {
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', `echo A | "${process.execPath}" "${main}" corpus lowercase > /dev/full`],
      { encoding: 'utf8' },
    );
    assert.deepEqual(
      [status, stderr],
      [1, 'coldstart: standard output cannot be written: ENOSPC: no space left on device.\n'],
    );
  },
);

test('an interrupt while waiting for text leaves no files', async () => {
  const child = spawn(process.execPath, [main, 'corpus', 'lowercase', '--output', 'waiting.txt'], { cwd: folder });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.write('A\n');
  const parts = (): string[] => readdirSync(folder).filter((name) => name.startsWith(`.waiting.txt.${child.pid}-`));
  while (parts().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const status = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([status, parts(), existsSync(join(folder, 'waiting.txt'))], [130, [], false]);
  assert.match(stderr, /Interrupted\. Nothing was written\.\n$/);
});

test('a truecaser is trained and used', () => {
  writeFileSync(join(folder, 'cased'), 'The NATO and the cat\nAnd the cat\n');
  gives(['train-truecaser', '--model', 'model', '--input', 'cased', 'cased'], '', '');
  assert.equal(read('model'), 'NATO (2/2)\nand (2/2)\nthe (4/4)\ncat (4/4)\n');
  gives(['truecase', '--model', 'model'], 'The nato\n', 'the NATO\n');
  gives(['train-truecaser', '--model', 'model.gz', '--input', 'cased'], '', '');
  gives(['truecase', '--model', 'model.gz'], 'The nato\n', 'the NATO\n');
  assert.match(corpus(['train-truecaser', '--model', 'model'], 'x').stderr, /model exists already/);
  assert.match(corpus(['truecase', '--model', 'cased'], 'x').stderr, /cased is no truecasing model/);
});

test('learning from text without words is an error, and writes nothing', () => {
  writeFileSync(join(folder, 'blank'), '\n \n');
  for (const args of [
    ['train-truecaser', '--model', 'none.out', '--input', 'blank'],
    ['get-vocab', '-o', 'none.out', '-i', 'blank'],
    ['learn-bpe', '-o', 'none.out', '-i', 'blank'],
  ]) {
    const { status, stderr } = corpus(args, '');
    assert.match(stderr, /coldstart: blank: there is not a word to learn from\. \[DATA\]\n$/, args[0]);
    assert.equal(status, 1);
  }
  assert.match(corpus(['get-vocab'], '').stderr, /^coldstart: standard input: there is not a word to learn from\. /);
  assert.equal(existsSync(join(folder, 'none.out')), false);
});

test('byte-pair encoding is learnt from two texts and applied', () => {
  writeFileSync(join(folder, 'one'), 'low low low lower\n');
  writeFileSync(join(folder, 'two'), 'low slow\n');
  const { status, stderr } = corpus([
    'learn-bpe',
    '-i',
    'one',
    'two',
    '-n',
    '2',
    '-o',
    'codes',
    '--write-vocabulary',
    'v.one',
    'v.two',
  ]);
  assert.equal(status, 0, stderr);
  assert.equal(read('codes'), '#version: 0.2\nl o\nlo w</w>\n');
  assert.deepEqual([read('v.one'), read('v.two')], ['low 3\nlo@@ 1\nw@@ 1\ne@@ 1\nr 1\n', 'low 2\ns@@ 1\n']);
  gives(['apply-bpe', '-c', 'codes'], ' low  lower\n', ' low lo@@ w@@ e@@ r\n');
  gives(['apply-bpe', '-c', 'codes', '-s', '~', '-m', '1', '--glossaries', 'sl.w'], 'low slow\n', 'lo~ w slow\n');
  gives(
    ['apply-bpe', '-c', 'codes', '--vocabulary', 'v.one', '--vocabulary-threshold', '2'],
    'low lower\n',
    'low l@@ o@@ w@@ e@@ r\n',
  );
  gives(['apply-bpe', '-c', 'codes', '--vocabulary', 'v.one'], 'low\n', 'low\n');
  gives(['apply-bpe', '-c', 'codes', '--dropout', '1', '--seed', '3'], 'low\n', 'l@@ o@@ w\n');
  assert.match(
    corpus(['apply-bpe', '-c', 'codes', '--dropout', '2'], 'low').stderr,
    /argument '2' is invalid\. Expected a number from 0 to 1\./,
  );
  writeFileSync(join(folder, 'counts'), 'low 4\nlower 1\nslow 1\n');
  assert.equal(corpus(['learn-bpe', '--dict-input', '-i', 'counts', '-n', '2', '-o', 'codes2']).status, 0);
  assert.equal(read('codes2'), read('codes'));
  assert.match(
    corpus(['learn-bpe', '-n', '50', '-o', 'codes3'], 'ab ab').stderr,
    /1 merge was learnt; no further pair is seen 2 times/,
  );
  assert.equal(corpus(['learn-bpe', '-i', 'one', 'two', '-o', 'x', '--write-vocabulary', 'y']).status, 2);
  assert.equal(corpus(['learn-bpe', '-i', 'one', '-n', '2', '-o', 'codes.gz', '--write-vocabulary', 'v.gz']).status, 0);
  gives(['apply-bpe', '-c', 'codes.gz', '--vocabulary', 'v.gz'], 'low\n', 'low\n');
  gives(['get-vocab', '-o', 'units.gz'], 'a a\n', '');
  assert.equal(gunzipSync(readFileSync(join(folder, 'units.gz'))).toString(), 'a 2\n');
  assert.equal(corpus(['apply-bpe', '-c', 'codes', '--vocabulary-threshold', '4'], 'low').status, 2);
});

test('cleaning and statistics of a corpus', () => {
  writeFileSync(join(folder, 'train.de'), 'ein Hund\nein Hund\nein | Haus\nauch\u0007\nein Test\n');
  writeFileSync(join(folder, 'train.en'), 'a dog\na dog\na  house\nalso\na test\n');
  writeFileSync(join(folder, 'test.de'), 'ein Test\n');
  writeFileSync(join(folder, 'test.en'), 'one test\n');
  const files = ['--src', 'train.de', '--trg', 'train.en', '--held-out', 'test.de', 'test.en'];
  const out = ['--out-src', 'clean.de', '--out-trg', 'clean.en.gz', '--removed', 'removed.tsv'];
  const { stdout, status } = corpus([
    'clean',
    ...files,
    ...out,
    '--moses',
    '--control-characters',
    '--duplicates',
    'pair',
  ]);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^read +5 +100\.00 %\nremoved: control characters +1 +20\.00 %\nremoved: in a held-out set +1 +20\.00 %\nremoved: duplicate pair +1 +20\.00 %\nkept +2 +40\.00 %$/m,
  );
  assert.equal(read('clean.de'), 'ein Hund\nein Haus\n');
  assert.equal(gunzipSync(readFileSync(join(folder, 'clean.en.gz'))).toString(), 'a dog\na house\n');
  assert.equal(read('removed.tsv').split('\n')[1], '4\tcontrolCharacters\tU+0007 in the source\tauch\u0007\talso');
  writeFileSync(join(folder, 'long.de'), 'ein\n');
  writeFileSync(join(folder, 'long.en'), 'one two three four five six seven eight nine ten\n');
  for (const [flags, kept] of [
    [['--moses'], ''],
    [['--moses', '--ignore-ratio'], 'ein\n'],
  ] as const) {
    assert.equal(
      corpus([
        'clean',
        '--src',
        'long.de',
        '--trg',
        'long.en',
        '--out-src',
        `kept${kept.length}.de`,
        '--out-trg',
        `kept${kept.length}.en`,
        ...flags,
      ]).status,
      0,
    );
    assert.equal(read(`kept${kept.length}.de`), kept);
  }
  assert.match(corpus(['clean', ...files, ...out]).stderr, /clean\.de exists already/);
  assert.match(
    corpus(['clean', '--src', 'a.tsv', '--trg', 'a.tsv', ...out]).stderr,
    /^coldstart: a\.tsv is a file of the format tsv, expected text with one sentence per line\..* --input a\.tsv /,
  );
  assert.match(corpus(['stats', '--src', 'a.de', '--trg', 'a.json']).stderr, /^coldstart: a\.json is not a text file/);
  assert.match(
    corpus(['clean', '--src', 'train.de', '--trg', 'train.en', '--held-out', 'x', ...out]).stderr,
    /--held-out names 1 file, expected source and target of each set/,
  );

  const stats = corpus(['stats', ...files, '--codes', 'codes', '--html', 'stats.html']);
  assert.equal(stats.status, 0, stats.stderr);
  assert.match(stats.stdout, /^test +1 +2 +2 +2 +2 +0\.00 % +50\.00 %$/m);
  assert.match(read('stats.html'), /^<!doctype html>/);
  const json = JSON.parse(corpus(['stats', ...files, '--json']).stdout);
  assert.deepEqual(
    [json.train.leakage.pairs, json.train.duplicates.pairs, json.heldOut[0].stats.trg.unknown.mostFrequent],
    [1, 1, [{ token: 'one', count: 1 }]],
  );
  assert.equal(existsSync(join(folder, '.stats.html')), false);
});

test('a pipe is accepted where a file is read once, and refused where it is read twice', () => {
  const shell = (command: string) =>
    spawnSync('bash', ['-c', command.replaceAll('COLDSTART', `"${process.execPath}" "${main}" corpus`)], {
      cwd: folder,
      encoding: 'utf8',
    });
  writeFileSync(join(folder, 'merges'), '#version: 0.2\nl o\nlo w</w>\n');
  const piped = shell(
    'echo low lower | COLDSTART apply-bpe -c <(head -n 2 merges; sleep 0.2; seq 20000 | sed "s/$/ x/"; tail -n 1 merges)',
  );
  assert.deepEqual([piped.status, piped.stdout, piped.stderr], [0, 'low lo@@ w@@ e@@ r\n', '']);
  writeFileSync(join(folder, 'pipe.de'), 'eins\n');
  for (const command of [
    'COLDSTART clean --src <(cat pipe.de) --trg pipe.de --out-src pipe.out.de --out-trg pipe.out.en --wrong-language',
    'COLDSTART extract --src <(cat pipe.de) --trg pipe.de --out-src pipe.out.de --out-trg pipe.out.en --format moses',
    'COLDSTART apply-spm -m <(cat pipe.de) < pipe.de',
  ]) {
    const { status, stderr } = shell(command);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /\/dev\/fd\/\d+ is a pipe, but it is read more than once\. Write it to a file first, and name that\. \[DATA\]\n$/,
    );
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('pipe.out')),
    [],
  );
});

test('messages name refused files as the user typed them', () => {
  writeFileSync(join(folder, 'typed.de'), 'eins\n');
  const files = ['--src', 'typed.de', '--trg', 'typed.de'];
  const out = ['--out-src', 'typed/out.de', '--out-trg', 'typed/out.en'];
  writeFileSync(join(folder, 'empty.tar'), '');
  for (const [args, message] of [
    [
      ['clean', ...files, ...out, '--script', '50'],
      /option '--script <share>' argument '50' is invalid\. Expected a number from 0 to 1/,
    ],
    [
      ['clean', ...files, ...out, '--ratio', '0.5'],
      /option '--ratio <x>' argument '0\.5' is invalid\. Expected a number of at least 1/,
    ],
    [['clean', ...files, ...out, '--min', '5', '--max', '3'], /--min is 5 and --max 3: no pair would be left/],
    [
      ['clean', ...files, ...out, '--ignore-ratio'],
      /^coldstart: --ignore-ratio has no effect without --moses, .* Remove it, or add --moses\./,
    ],
    ...(
      [
        ['iwslt-tags', '--drop', 'url'],
        ['tsv', '--columns', '1,2'],
        ['tmx', '--src-lang', 'de'],
        ['segments', '--keep-references'],
        ['segments', '--straight-apostrophes'],
      ] as const
    ).map(
      ([format, ...option]) =>
        [
          ['extract', ...files, ...out, '--format', 'moses', ...option],
          new RegExp(
            `^coldstart: ${option[0]} has no effect: it is for the format ${format}, and the files have the format moses\\. Remove it,`,
          ),
        ] as const,
    ),
    [
      ['apply-bpe', '-c', 'typed.codes', '--seed', '7'],
      /^coldstart: --seed has no effect without --dropout, which alone draws at random\. Remove it\./,
    ],
    [
      ['extract', '--archive', 'empty.tar', '--src', 'a.de', '--trg', 'a.en', ...out],
      /^coldstart: empty\.tar holds no files, expected a\.de and a\.en\. Is it the right archive, and complete\? /,
    ],
    [
      ['extract', ...files, ...out, '--format', 'iwslt-tags', '--drop', 'url('],
      /--drop is "url\(", expected the name of an element, such as url\./,
    ],
    [
      ['learn-bpe', '-o', 'typed.codes', '-s', '32000'],
      /argument '32000' is invalid\. Expected a mark such as @@\. The number of merges, .*, is -n or --merges here/,
    ],
  ] as const) {
    const { status, stderr } = corpus(args, 'a');
    assert.match(stderr, message);
    assert.equal(status, 2, args.join(' '));
  }
  const synth = corpus(['synth', '--out', 'typed.de', '--pairs', '2']);
  assert.deepEqual(
    [synth.status, synth.stderr],
    [
      1,
      'coldstart: typed.de is a file, expected a folder or nothing. Choose another folder, or remove it first. [FILE_EXISTS]\n',
    ],
  );
  assert.equal(corpus(['clean', ...files, ...out]).status, 0);
  assert.equal(read('typed/out.de'), 'eins\n');
});
