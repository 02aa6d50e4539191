import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { writeFileAtomic } from './atomicFile.js';
import { finishTogether, TextOutput, writeTextFile } from './textOutput.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-output-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

test('a file gets its name when it is finished; its folder is made', () => {
  const output = new TextOutput(at('new/a.txt'));
  output.line('a');
  assert.match(readdirSync(at('new')).join(), new RegExp(`^\\.a\\.txt\\.${process.pid}-[0-9a-f]{16}\\.part$`));
  output.finish();
  output.abandon();
  assert.deepEqual([readdirSync(at('new')), readFileSync(at('new/a.txt'), 'utf8')], [['a.txt'], 'a\n']);
});

test('a whole text is packed by its name', () => {
  writeTextFile(at('b.gz'), 'bb\n');
  assert.equal(gunzipSync(readFileSync(at('b.gz'))).toString(), 'bb\n');
  assert.throws(() => writeTextFile(at('b.gz'), ''), { code: 'FILE_EXISTS' });
});

test('system errors are reported with the name of the file, and no file is left', () => {
  const long = 'x'.repeat(256);
  const named = {
    code: 'WRITE_FAILED',
    message: `${at(long)} cannot be written: the name is too long (ENAMETOOLONG). Choose a shorter name.`,
  };
  assert.throws(() => new TextOutput(at(long)), named);
  assert.throws(() => writeFileAtomic(at(long), 'x'), named);
  const output = new TextOutput(at('taken'));
  mkdirSync(at('taken'));
  writeFileSync(at('taken/mine'), '');
  assert.throws(() => output.finish(), {
    code: 'WRITE_FAILED',
    message: /taken cannot be written: .* \(E[A-Z]+\)\. [A-Z].*\.$/,
  });
  output.abandon();
  assert.throws(() => writeFileAtomic(at('taken'), 'x'), { code: 'WRITE_FAILED', message: /taken cannot be written/ });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
  );
});

test('of files that belong together none gets its name before all are written', () => {
  const script = at('pair.mjs');
  writeFileSync(
    script,
    `
    const { TextOutput, finishTogether } = await import(${JSON.stringify(new URL('./textOutput.js', import.meta.url).href)});
    const outputs = ['small', 'large'].map((name) => new TextOutput(${JSON.stringify(folder)} + '/' + name));
    outputs[0].line('x');
    outputs[1].line('x'.repeat(30000));
    try {
      finishTogether(outputs);
    } catch (error) {
      console.log(error.message);
      for (const output of outputs) output.abandon();
    }`,
  );
  const { stdout, stderr } = spawnSync('bash', ['-c', `ulimit -f 16; exec "${process.execPath}" "${script}"`], {
    encoding: 'utf8',
  });
  assert.match(stdout, /large cannot be written: .*EFBIG/, stderr);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /small|large/.test(name)),
    [],
  );
  const outputs = [new TextOutput(at('one')), new TextOutput(at('two'))];
  finishTogether(outputs);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /one|two/.test(name)),
    ['one', 'two'],
  );
});
