import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { tarArchive } from '../../../test/archives.js';
import { FileServer } from '../../../test/fileServer.js';
import { fetchCorpus } from './fetchCorpus.js';
import { pairOf, parseRecipe } from './readRecipe.js';
import { verifyFetched, type VerifyOptions } from './verifyFetched.js';

const server = new FileServer();
const dir = mkdtempSync(join(tmpdir(), 'coldstart-verify-'));
after(async () => {
  rmSync(dir, { recursive: true });
  await server.close();
});

test('fetched files are compared with their records', async () => {
  await server.listen();
  server.files.set(
    '/data.tgz',
    gzipSync(
      tarArchive([
        { name: 'x.de', content: 'Ein Satz.\n' },
        { name: 'x.en', content: 'A sentence.\n' },
      ]),
    ),
  );
  const recipe = parseRecipe(
    stringify({
      name: 'ours',
      title: 'Ours',
      licence: 'Free.',
      pairs: { 'de-en': null },
      files: [{ name: 'ours/data.tgz', urls: [`${server.address}/data.tgz`] }],
      text: { train: [{ format: 'moses', src: 'x.de', trg: 'x.en' }] },
    }),
    'ours.yaml',
  );
  const only = { recipe, pair: pairOf(recipe) };
  const verify = async (options: Partial<VerifyOptions> = { only }): Promise<string[]> =>
    (await verifyFetched({ dir, recipes: [], ...options })).flatMap(({ path, fault }) =>
      fault === null ? [] : [`${path.slice(dir.length + 1)}: ${fault}`],
    );
  await assert.rejects(
    verify(),
    /there is nothing to verify: neither downloads nor text of ours de-en are in .* --dir/,
  );
  await assert.rejects(verify({}), /there is nothing to verify: no corpus is in/);
  const fetch = (force = false) => fetchCorpus(recipe, only.pair, { dir, environment: {}, force });
  const { folder, manifest } = await fetch();
  assert.deepEqual(Object.keys(manifest.outputs), ['raw/train.de', 'raw/train.en']);
  assert.deepEqual(manifest.outputs['raw/train.de'], {
    bytes: 10,
    sha256: '2f7dd6b87792f322057cc0f265dd9e06771e954d39b9cfed48e48471426e587a',
  });
  assert.deepEqual([await verify(), await verify({})], [[], []]);

  writeFileSync(join(folder, 'raw/train.de'), 'Ein Setz.\n');
  rmSync(join(folder, 'raw/train.en'));
  const archive = join(dir, 'downloads/ours/data.tgz');
  const whole = readFileSync(archive);
  appendFileSync(archive, 'x');
  const faults = [
    `downloads/ours/data.tgz: size is ${whole.length + 1}, expected ${whole.length}`,
    `ours-de-en/raw/train.de: SHA-256 is `,
    'ours-de-en/raw/train.en: missing',
  ];
  for (const found of [await verify(), await verify({})])
    assert.deepEqual(
      found.map((line, i) => line.slice(0, faults[i].length)),
      faults,
    );

  writeFileSync(archive, whole);
  await assert.rejects(fetch(), /raw\/train\.en: changed since written\. Run with --force/);
  assert.equal((await fetch(true)).status, 'written');
  assert.deepEqual(await verify(), []);

  // names in untrusted files do not lead out of the folder
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify({ ...manifest, outputs: { '../../etc/passwd': { bytes: 1, sha256: '' } } }),
  );
  assert.deepEqual(await verify(), ['ours-de-en/manifest.json: missing, or not the manifest of a fetched corpus']);
});

test('the command has status 1 if something differs, 2 if there is nothing', () => {
  const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'corpus', 'fetch', '--verify', ...args], { encoding: 'utf8' });
  const own = join(dir, 'own');
  mkdirSync(join(own, 'downloads/ours'), { recursive: true });
  assert.equal(run('--dir', own).status, 2);
  writeFileSync(join(own, 'downloads/ours/a.gz'), 'abc');
  const checksums = (sha256: string): void =>
    writeFileSync(join(own, 'downloads/checksums.json'), JSON.stringify({ 'ours/a.gz': { bytes: 3, sha256 } }));
  checksums('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  const good = run('--dir', own);
  assert.deepEqual([good.status, good.stdout], [0, '1 file equals its record.\n']);
  checksums('0'.repeat(64));
  const bad = run('--dir', own);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /a\.gz: SHA-256 is ba7816bf.*, expected 000000/);
  assert.match(bad.stderr, /1 of 1 files differ from their records/);
});
