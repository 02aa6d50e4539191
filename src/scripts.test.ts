import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { quickstartCommand } from './cli/quickstart.js';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-scripts-'));
after(() => rmSync(folder, { recursive: true }));

function run(name: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const path = join(scripts, name);
  const [program, given] = name.endsWith('.mjs') ? [process.execPath, [path, ...args]] : [path, args];
  return spawnSync(program, given, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
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

describe('options are checked before the work', () => {
  const wrong: [name: string, args: string[], message: RegExp][] = [
    ['quickstart', ['--seed', '2'], /^Unknown option "--seed"\. See scripts\/quickstart --help\.\n$/],
    ['quickstart', ['--no-apt', '--set'], /^--set expects KEY=VALUE, for example .*; found ""\. See/],
    ['quickstart', ['--set', 'seed'], /^--set expects KEY=VALUE, for example .*; found "seed"\. See/],
    ['test', ['--no-atp'], /^Unknown option "--no-atp"\. See scripts\/test --help\./],
    ['test', ['--no-apt', 'cli'], /^Unknown option "cli"\. .* A part of the tests: npm test -- NAME\n$/],
    [
      'interop',
      ['--lines', 'x'],
      /^--lines is "x", expected an integer of at least 1\. See scripts\/interop --help\.\n$/,
    ],
    ['interop', ['--seed', '2'], /^Unknown option '--seed'\. See scripts\/interop --help\.\n$/],
    ['mixed-corpus', ['--seed'], /^Unknown option "--seed"\.\nusage: scripts\/mixed-corpus DATA \[OUT\]/],
    ['browser/page.mjs', ['--port', '70000'], /^--port is "70000", expected an integer from 0 to 65535/],
    ['browser/page.mjs', ['--prt', '1'], /^Unknown option '--prt'\. usage: npm run browser/],
  ];
  for (const [name, args, message] of wrong)
    test(`${name} ${args.join(' ')}`, () => {
      const { status, stdout, stderr } = run(name, ...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    });

  for (const name of ['quickstart', 'test', 'interop'])
    test(`${name} --help`, () => {
      const { status, stdout } = run(name, '--help');
      assert.equal(status, 0);
      assert.ok(stdout.startsWith(`Usage: scripts/${name} [`), stdout);
    });

  test('the help of quickstart names all options of the command', () => {
    const options = quickstartCommand().options.map(({ long }) => long);
    assert.deepEqual(options, ['--set']);
    for (const option of options) assert.ok(run('quickstart', '--help').stdout.includes(`  ${option} `));
  });
});

describe('the server of npm run browser', () => {
  async function served(use: (server: Server) => Promise<void>): Promise<void> {
    const { serve } = (await import(join(scripts, 'browser/serve.mjs'))) as {
      serve(folder: string, port: number): Promise<Server>;
    };
    write('site/index.html', '<p>page');
    const server = await serve(join(folder, 'site'), 0);
    try {
      await use(server);
    } finally {
      server.close();
    }
  }
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  test('answers malformed requests with 400, and serves on', () =>
    served(async (server) => {
      const status = (path: string): Promise<number> =>
        new Promise((resolve, reject) => {
          get({ port: portOf(server), host: '127.0.0.1', path }, (response) => {
            response.resume();
            resolve(response.statusCode!);
          }).on('error', reject);
        });
      const expected = { '/%': 400, '//': 400, '/%ff': 400, '/': 200, '/none': 404, '/%00': 404, '/..%2fdata': 404 };
      for (const [path, answer] of Object.entries(expected)) assert.equal(await status(path), answer, path);
    }));

  test('a port that is taken is reported before the build', () =>
    served(async (server) => {
      const child = spawn(process.execPath, [join(scripts, 'browser/page.mjs'), '--port', String(portOf(server))]);
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      const [status] = (await once(child, 'close')) as [number];
      assert.deepEqual(
        [status, stdout, stderr],
        [
          1,
          '',
          `Port ${portOf(server)} is taken by another program. Choose another one: npm run browser -- --port 0\n`,
        ],
      );
    }));
});
