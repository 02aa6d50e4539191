import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-scripts-'));
after(() => rmSync(folder, { recursive: true }));

function run(name: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(scripts, name), args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
}

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), path.endsWith('.gz') ? gzipSync(text) : text);
}

describe('mixed-corpus', () => {
  const names = ['multi30k', 'newstest2014', 'tatoeba', 'techdoc', 'train', 'valid'];
  const written = [...names.flatMap((name) => [`${name}.de`, `${name}.en`]), 'removed.tsv.gz'].sort();

  test('writes its files, replaces them, and refuses every other folder before the work', () => {
    const sentences = {
      de: ['Der Hund schläft unter dem großen Tisch.', 'Wir fahren morgen mit dem Zug nach Hause.'],
      en: ['The dog is sleeping under the big table.', 'We are going home by train tomorrow.'],
    };
    for (const lang of ['de', 'en'] as const) {
      for (const corpus of ['tatoeba-de-en', 'techdoc-de-en', 'wmt-news-de-en', 'multi30k'])
        for (const set of ['train', 'valid', 'val', 'test', 'tatoeba-test-v2021-08-07', 'test_2016_flickr'])
          write(
            `data/${corpus}/${set}.${lang}.gz`,
            set === 'train' ? `${sentences[lang].join('\n')}\n` : `${set} ${corpus} ${lang}\n`,
          );
    }
    for (const out of ['out', 'out/']) {
      const { status, stderr } = run('mixed-corpus', 'data', out);
      assert.deepEqual([status, stderr.includes('rror')], [0, false], stderr);
      assert.deepEqual(readdirSync(join(folder, 'out')).sort(), written);
      assert.equal(readFileSync(join(folder, 'out/train.de'), 'utf8'), `${sentences.de.join('\n')}\n`);
    }
    write('papers/thesis.tex', 'mine');
    write('own/train.de', 'mine');
    write('file', 'mine');
    for (const [out, message] of [
      ['papers', 'papers is not empty, and was not written by this script: it holds thesis.tex.'],
      ['own', 'own is not empty, and was not written by this script: it lacks multi30k.de.'],
      ['file', 'file is not a folder.'],
    ]) {
      const { status, stderr } = run('mixed-corpus', 'data', out);
      assert.equal(status, 1);
      assert.ok(stderr.startsWith(message), stderr);
    }
    assert.equal(readFileSync(join(folder, 'papers/thesis.tex'), 'utf8'), 'mine');
    assert.equal(readFileSync(join(folder, 'own/train.de'), 'utf8'), 'mine');
    assert.deepEqual(readdirSync(folder).sort(), ['data', 'file', 'out', 'own', 'papers']);
  });
});
