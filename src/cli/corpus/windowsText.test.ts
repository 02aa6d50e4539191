import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { casePath } from '../../../test/cases.js';

const main = fileURLToPath(new URL('../main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-windows-'));
after(() => rmSync(folder, { recursive: true }));

const text = (name: string): string => readFileSync(casePath(name), 'utf8');

/** Input files of the commands. */
const files: Readonly<Record<string, string>> = {
  de: 'Der Hund läuft .\nDer alte Mann sagt , " der Hund " .\nEin Haus steht , und der Hund bellt .\n'.repeat(3),
  en: 'The dog runs .\nThe old man says , " the dog " .\nA house stands , and the dog barks .\n'.repeat(3),
  codes: text('03-plain.codes'),
  vocabulary: text('03-plain.vocabulary'),
  'truecase-model': 'Haus (3/3)\nder (4/5) Der (1)\n',
  patterns: 'a\\.b\n',
  prefixes: 'xyz\n',
  'tokenizer.json': text('04-unigram-byte-fallback.tokenizer.json'),
  counts: 'Hund 3\nHaus 4\n',
  'pairs.tsv': 'Der Hund\tThe dog\nEin Haus\tA house\n',
  'dict.txt': 'Der 3\nHund 2\n. 9\n',
  'corpus.yaml':
    'corpus: { dir: out, srcLang: de, trgLang: en, train: { src: de, trg: en }, subwords.method: none, vocabulary: { joined: false, srcFile: dict.txt } }\n',
};

const variants: Readonly<Record<string, (content: string) => Buffer>> = {
  plain: (content) => Buffer.from(content),
  windows: (content) => Buffer.from(`\ufeff${content.replaceAll('\n', '\r\n')}`),
  utf16: (content) => Buffer.from(`\ufeff${content}`, 'utf16le'),
};

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The command's output files, by name. */
  readonly written: Readonly<Record<string, string>>;
}

let runs = 0;

/** Runs a command with a variant of the named files. */
async function run(
  args: readonly string[],
  varied: readonly string[],
  variant: string,
  input: string,
): Promise<Outcome> {
  const cwd = join(folder, `${runs++}`);
  mkdirSync(cwd);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(cwd, name), variants[varied.includes(name) ? variant : 'plain'](content));
  const child = spawn(process.execPath, [main, 'corpus', ...args], { cwd });
  const outputs = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (chunk: string) => (outputs[stream] += chunk));
  child.stdin.on('error', () => {}); // a command that reads files does not wait for standard input
  child.stdin.end(variants[varied.includes('stdin') ? variant : 'plain'](input));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const written = readdirSync(cwd, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.startsWith('out') && /^[^.]*(\.(src|trg|model|vocab|txt|\d))*$|\.bin$/.test(name))
    .filter((name) => statSync(join(cwd, name)).isFile())
    .map((name): [string, string] => [name, readFileSync(join(cwd, name), 'latin1')]);
  return { status, ...outputs, written: Object.fromEntries(written) };
}

/** Command, the files that have the variants, standard input, and what keeps carriage returns at line ends. */
const commands: readonly [args: string, varied: string, input?: string, keepsEnds?: boolean][] = [
  ['truecase --model truecase-model', 'truecase-model', 'Der Haus .\n'],
  ['truecase --model truecase-model', 'stdin', 'Der Haus .\n'],
  ['apply-bpe -c codes', 'codes', 'der läuft Hund schnell\n'],
  ['apply-bpe -c codes --vocabulary vocabulary --vocabulary-threshold 2', 'vocabulary', 'der läuft Hund Mann\n'],
  ['apply-bpe -c codes', 'stdin', 'der läuft Hund\nschnell\n', true],
  ['tokenize -l en --protected patterns', 'patterns', 'x a.b, c\n'],
  ['tokenize -l en --prefixes prefixes', 'prefixes', 'so xyz. Then\n'],
  ['tokenize -l de', 'stdin', 'Das ist es.\nGut.\n'],
  ['normalize -l de', 'stdin', '„Gut“ …\nx\n'],
  ['detokenize -l de', 'stdin', 'Das ist es .\nGut .\n'],
  ['lowercase', 'stdin', 'GUT\nÄ\n', true],
  ['detruecase', 'stdin', 'gut . so\nja\n'],
  ['apply-tokenizer -t tokenizer.json --format id', 'tokenizer.json', 'hi é\n'],
  ['apply-tokenizer -t tokenizer.json --format id', 'stdin', 'hi é\nhi\n'],
  ['learn-bpe -i de en -n 30 -o out --write-vocabulary out.1 out.2', 'de en'],
  ['learn-bpe -i counts --dict-input -n 3 -o out', 'counts'],
  ['get-vocab', 'stdin', 'der Hund\nHund\n'],
  ['learn-spm -i de en -n 40 --soft-limit --normalization identity -o out.model', 'de en'],
  ['train-truecaser --input de --model out', 'de'],
  ['clean --src de --trg en --out-src out.src --out-trg out.trg --control-characters --max-word-length 6', 'de en'],
  ['clean --src de --trg en --out-src out.src --out-trg out.trg --duplicates source', 'de'],
  ['stats --src de --trg en --held-out de en --json', 'de'],
  ['extract --input pairs.tsv --out-src out.src --out-trg out.trg', 'pairs.tsv'],
  ['extract --src de --trg en --out-src out.src --out-trg out.trg', 'de en'],
  ['prepare -c corpus.yaml', 'corpus.yaml'],
  ['prepare -c corpus.yaml', 'dict.txt'],
  ['prepare -c corpus.yaml', 'de en'],
];

describe('byte order marks, Windows line ends, UTF-16', () => {
  for (const [command, names, input = '', keepsEnds = false] of commands)
    test(`${command} (${names})`, async () => {
      const varied = names.split(' ');
      const of = (variant: string): Promise<Outcome> => run(command.split(' '), varied, variant, input);
      const [plain, windows, utf16] = await Promise.all(Object.keys(variants).map(of));
      assert.equal(plain.status, 0, plain.stderr);
      assert.ok(plain.stdout !== '' || Object.keys(plain.written).length > 0, 'it wrote something');
      const result = ({ status, stdout, written }: Outcome): unknown => ({
        status,
        stdout: command.startsWith('prepare') ? '' : stdout, // with times
        written,
      });
      assert.deepEqual(
        result(windows),
        keepsEnds ? result({ ...plain, stdout: plain.stdout.replaceAll('\n', '\r\n') }) : result(plain),
      );
      assert.equal(utf16.status, 1, utf16.stderr);
      assert.match(
        utf16.stderr,
        /is text in UTF-16, expected UTF-8\. Convert it first: iconv -f UTF-16 -t UTF-8\. \[DATA\]\n$/,
      );
    });
});
