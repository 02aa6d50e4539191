import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fetchAdviceFor } from './fetchAdviceFor.js';
import { gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { lockFolder } from '../../storage/folderLock.js';
import { tarArchive, zipArchive } from '../../../test/archives.js';
import { withoutChecksum } from '../../../test/jsonMutations.js';
import { FileServer } from '../../../test/fileServer.js';
import { fetchCorpus, type FetchOptions, type FetchResult } from './fetchCorpus.js';
import { pairOf, parseRecipe, readRecipe, recipeNames } from './readRecipe.js';

const server = new FileServer();
let folder: string;
before(() => server.listen());
after(() => server.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coldstart-fetch-'));
  server.files.clear();
  server.requests.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const train = { de: 'Ein Satz.\nNoch einer.\n', en: 'A sentence.\nAnother.\n' };
const archive = gzipSync(
  tarArchive([
    { name: 'training/x.de', content: train.de },
    { name: 'training/x.en', content: train.en },
    { name: 'training/x.fr', content: 'pas ici' },
  ]),
);

const ours = (changes: object = {}): object => ({
  name: 'ours',
  title: 'Ours',
  licence: 'Free.',
  pairs: { 'de-en': null },
  files: [{ name: 'ours/data.tgz', urls: [`${server.address}/data.tgz`] }],
  text: { train: [{ format: 'moses', src: 'training/x.{src}', trg: 'training/x.{trg}' }] },
  ...changes,
});

async function fetchOurs(changes: object = {}, options: Partial<FetchOptions> = {}): Promise<FetchResult> {
  const recipe = parseRecipe(stringify(ours(changes)), 'ours.yaml');
  return fetchCorpus(recipe, pairOf(recipe), {
    dir: folder,
    environment: {},
    patience: { firstWaitMs: 1, attempts: 2 },
    ...options,
  });
}

test('a corpus is downloaded, unpacked and written; its checksum is recorded and holds from then on', async () => {
  server.files.set('/data.tgz', archive);
  const { folder: written } = await fetchOurs();
  assert.equal(written, join(folder, 'ours-de-en'));
  assert.equal(readFileSync(join(written, 'raw/train.de'), 'utf8'), train.de);
  assert.equal(readFileSync(join(written, 'raw/train.en'), 'utf8'), train.en);
  assert.deepEqual(readdirSync(written).sort(), ['manifest.json', 'raw']);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const lock = join(folder, 'downloads/checksums.json');
  assert.deepEqual(withoutChecksum(readFileSync(lock, 'utf8')), { 'ours/data.tgz': { bytes: archive.length, sha256 } });

  server.requests.length = 0;
  assert.equal((await fetchOurs()).status, 'upToDate');
  assert.equal(server.requests.length, 0);

  // the mirror changes its file: a new download must equal the first
  rmSync(join(folder, 'downloads/ours'), { recursive: true });
  server.files.set('/data.tgz', gzipSync(tarArchive([{ name: 'training/x.de', content: 'anders' }])));
  await assert.rejects(fetchOurs(), {
    code: 'DOWNLOAD_FAILED',
    message: /has a file of \d+ bytes, expected \d+\.\nWhat arrived is kept, .* --from-local\.$/,
  });
  // and the existing file must not change
  writeFileSync(join(folder, 'downloads/ours/data.tgz'), 'damaged');
  await assert.rejects(
    fetchOurs(),
    /data\.tgz is there already, but its size is 7, expected \d+\. Remove it to download it again\. .*checksums\.json holds what it was/,
  );
  writeFileSync(lock, '{ "ours/data.tgz": 3 }');
  await assert.rejects(fetchOurs(), /checksums\.json: ours\/data\.tgz is 3, expected an object/);
});

test('the checksum of a page instead of an archive is not recorded', async () => {
  server.files.set('/data.tgz', Buffer.from('<html>Quota exceeded</html>'));
  await assert.rejects(
    fetchOurs(),
    /data\.tgz, as it was downloaded, is no archive that can be unpacked .* It was removed/,
  );
  assert.deepEqual(readdirSync(join(folder, 'downloads')), ['ours']);
  assert.deepEqual(readdirSync(join(folder, 'downloads/ours')), []);
});

test('files that the user has: archive, folder of archives, unpacked in two ways, an inner archive', async () => {
  const mine = join(folder, 'mine');
  mkdirSync(join(mine, 'training'), { recursive: true });
  const written = async (fromLocal: string, changes: object = {}): Promise<string> => {
    const result = await fetchOurs(changes, { fromLocal, force: true });
    const text = readFileSync(join(result.folder, 'raw/train.de'), 'utf8');
    rmSync(result.folder, { recursive: true });
    return text;
  };
  writeFileSync(
    join(mine, 'data.zip'),
    zipArchive([
      { name: 'training/x.de', content: train.de },
      { name: 'training/x.en', content: train.en },
    ]),
  );
  assert.equal(await written(join(mine, 'data.zip')), train.de);
  await assert.rejects(
    written(mine),
    /lacks data\.tgz; of the files inside of the archives it lacks training\/x\.de, training\/x\.en\./,
  );
  writeFileSync(join(mine, 'data.tgz'), archive);
  assert.equal(await written(mine), train.de);
  rmSync(join(mine, 'data.tgz'));
  for (const language of ['de', 'en'] as const) writeFileSync(join(mine, 'training', `x.${language}`), train[language]);
  assert.equal(await written(mine), train.de);
  assert.equal(await written(join(mine, 'training')), train.de);
  writeFileSync(join(mine, 'release.tar'), tarArchive([{ name: 'texts/pair.tgz', content: archive }]));
  const nested = { files: [{ name: 'ours/release.tar', urls: ['https://x.example/'], inner: 'texts/pair.tgz' }] };
  assert.equal(await written(join(mine, 'release.tar'), nested), train.de);
  writeFileSync(join(mine, 'pair.tgz'), archive);
  assert.equal(await written(join(mine, 'pair.tgz'), nested), train.de);
  assert.equal(server.requests.length, 0);
  await assert.rejects(written(join(mine, 'nothing')), /there is no such file or folder/);
  writeFileSync(join(mine, 'other.tgz'), gzipSync(tarArchive([{ name: 'x.csv', content: '' }])));
  await assert.rejects(
    written(join(mine, 'other.tgz')),
    /other\.tgz lacks training\/x\.de, training\/x\.en; there are x\.csv\. Is it the archive of de-en\?/,
  );
});

test('a folder with other contents is never replaced', async () => {
  server.files.set('/data.tgz', archive);
  mkdirSync(join(folder, 'ours-de-en'));
  writeFileSync(join(folder, 'ours-de-en/thesis.txt'), 'years of work');
  await assert.rejects(fetchOurs({}, { force: true }), {
    code: 'FILE_EXISTS',
    message: /holds no corpus of this command/,
  });
  assert.ok(existsSync(join(folder, 'ours-de-en/thesis.txt')));
  assert.equal(server.requests.length, 0, 'nothing is downloaded for a folder that is in the way');
});

test('fetched text with another file next to it is not replaced', async () => {
  server.files.set('/data.tgz', archive);
  const { folder: written } = await fetchOurs();
  writeFileSync(join(written, 'raw/train.notes'), 'mine');
  await assert.rejects(fetchOurs({}, { force: true }), {
    code: 'FILE_EXISTS',
    message: `${written} also holds raw/train.notes, which this command did not write. It is not replaced. Move raw/train.notes elsewhere, or choose another folder with --dir.`,
  });
  assert.equal(readFileSync(join(written, 'raw/train.notes'), 'utf8'), 'mine');
});

test('concurrent downloads record all their checksums', async () => {
  server.files.set('/data.tgz', archive);
  const lock = join(folder, 'downloads/checksums.json');
  mkdirSync(join(folder, 'downloads'));
  const release = await lockFolder(`${lock}.lock`, 'recording');
  const fetching = fetchOurs();
  while (!existsSync(join(folder, 'downloads/ours/data.tgz'))) await sleep(5);
  await sleep(50);
  const other = { bytes: 1, sha256: '0'.repeat(64) };
  assert.equal(existsSync(lock), false);
  writeFileSync(lock, JSON.stringify({ other }));
  release();
  await fetching;
  assert.deepEqual(Object.keys(withoutChecksum(readFileSync(lock, 'utf8')) as object).sort(), [
    'other',
    'ours/data.tgz',
  ]);
});

test('text that another version fetched is named as such, and fetched again with force', async () => {
  server.files.set('/data.tgz', archive);
  const { folder: written, manifest } = await fetchOurs();
  const path = join(written, 'manifest.json');
  const { outputs } = manifest;
  writeFileSync(path, JSON.stringify({ ...manifest, format: 'coldstart corpus text 1', steps: [], outputs }));
  rmSync(join(folder, 'downloads'), { recursive: true });
  server.requests.length = 0;
  await assert.rejects(fetchOurs(), {
    code: 'FILE_EXISTS',
    message: `${written} was written by another version of coldstart (coldstart corpus text 1, expected coldstart corpus text 2). Its raw text can be prepared as it is. To fetch the text again, run with --force.`,
  });
  assert.equal(server.requests.length, 0, 'nothing is downloaded for a folder that is in the way');
  assert.equal((await fetchOurs({}, { force: true })).status, 'written');
  assert.deepEqual(withoutChecksum(readFileSync(path, 'utf8')), manifest);
});

test('text whose manifest is damaged, or of an early version, is fetched again with force, unless something else is there', async () => {
  server.files.set('/data.tgz', archive);
  const { folder: written, manifest } = await fetchOurs();
  const path = join(written, 'manifest.json');
  for (const text of ['{', JSON.stringify({ ...manifest, format: 'coldstart corpus text 1', outputs: undefined })]) {
    writeFileSync(path, text);
    await assert.rejects(fetchOurs(), {
      code: 'FILE_EXISTS',
      message: `${path} cannot be read as the manifest of fetched text. To fetch the text again, run with --force.`,
    });
    assert.equal((await fetchOurs({}, { force: true })).status, 'written');
    assert.equal((await fetchOurs()).status, 'upToDate');
  }
  writeFileSync(path, '{');
  writeFileSync(join(written, 'thesis.txt'), 'mine');
  await assert.rejects(fetchOurs({}, { force: true }), {
    code: 'FILE_EXISTS',
    message: /holds no corpus of this command/,
  });
  assert.ok(existsSync(join(written, 'thesis.txt')));
});

test("a recipe's settings for preparing do not affect the text", async () => {
  server.files.set('/data.tgz', archive);
  await fetchOurs();
  assert.equal((await fetchOurs({ corpus: { letterCase: 'lower' } })).status, 'upToDate');
});

test('recipes of the package are read, and their pairs are found in either order', () => {
  assert.deepEqual(recipeNames(), ['iwslt14', 'iwslt17', 'multi30k', 'wmt14', 'wmt16']);
  assert.equal(pairOf(readRecipe('iwslt14'), 'en-pt-br').src, 'pt-br');
  assert.equal(pairOf(readRecipe('wmt14'), 'fr-en').files.length, 6);
  assert.deepEqual(pairOf(readRecipe('iwslt14'), 'es-en').text.test![1].src, 'es-en/IWSLT14.TED.tst2010.es-en.es.xml');
  assert.throws(() => readRecipe('iwslt41'), /no recipe is called "iwslt41"; did you mean "iwslt14"\?/);
  assert.throws(() => pairOf(readRecipe('wmt16'), 'de-fr'), /wmt16 has no pair "de-fr"; there are en-de\./);
});

test('faults of a recipe are named with their place', () => {
  const faults: [object, RegExp][] = [
    [
      { files: [{ name: '../evil', urls: ['https://x/'] }] },
      /ours\.yaml: files\[0\]: name is "\.\.\/evil", expected a file name/,
    ],
    [
      { files: [{ name: 'a', urls: ['file:///etc/passwd'] }] },
      /files\[0\]: urls\[0\] is "file:\/\/\/etc\/passwd", expected a web address/,
    ],
    [{ files: [{ name: 'a', urls: [] }] }, /urls is \[\], expected a list that is not empty/],
    [
      { files: [{ name: 'a', urls: ['http://x/'], sha265: 'x' }] },
      /files\[0\] has the unknown key "sha265"; did you mean "sha256"\?/,
    ],
    [{ files: [{ name: 'a', urls: ['http://x/'], sha256: 'ABC' }] }, /sha256 is "ABC", expected 64 digits/],
    [
      { files: [{ name: 'a', urls: ['https://x/', 'http://x/'], bytes: 3 }] },
      /urls\[1\] is "http:\/\/x\/", expected an address of https where neither sha256 nor md5 is known/,
    ],
    [{ files: [{ name: 'a', urls: ['http://127.0.0.1.x/'] }] }, /expected an address of https/],
    [
      { steps: [{ step: 'bpe', merges: 5 }] },
      /ours\.yaml: steps is \[.*\], expected no steps: corpus fetch writes raw text\. Say what corpus prepare does with it in a section "corpus", in the words of a configuration \(docs\/reference\/config\.md\), for example corpus: \{ tokenize: \{ method: moses \}, letterCase: lower \}\./,
    ],
    [{ pairs: { 'de-en': { steps: [] } } }, /pairs: de-en: steps is \[\], expected no steps/],
    [{ corpus: 'lower' }, /ours\.yaml: corpus is "lower", expected keys and values/],
    [
      { text: { train: [{ format: 'mose', src: 'a', trg: 'b' }] } },
      /format is "mose", expected one of moses, iwslt-tags, segments; did you mean moses\?/,
    ],
    [
      { text: { train: [{ format: 'moses', src: '/etc/passwd', trg: 'b' }] } },
      /src is "\/etc\/passwd", expected a path inside of the archive/,
    ],
    [{ text: { train: [{ format: 'moses', src: 'a/../../b', trg: 'b' }] } }, /expected a path inside of the archive/],
    [{ pairs: { deen: null } }, /"deen" is no pair of languages such as de-en/],
    [{ pairs: {} }, /pairs is \{\}, expected at least one language pair/],
    ...['crc32', 'checksums.json', 'a.gz.part', 'a.lock'].map((name): [object, RegExp] => [
      { files: [{ name, urls: ['https://x/a'] }] },
      /name is "[a-z0-9.]+", expected a name that the folder of downloads does not use for its own files/,
    ]),
    [{ licence: ' ' }, /licence is " ", expected the terms of use/],
  ];
  assert.deepEqual(
    parseRecipe(stringify(ours({ files: [{ name: 'a', urls: ['http://x/'], md5: 'a'.repeat(32) }] })), 'ours.yaml')
      .pairs[0].files[0].urls,
    ['http://x/'],
  );
  for (const [changes, message] of faults)
    assert.throws(() => parseRecipe(stringify(ours(changes)), 'ours.yaml'), message);
  assert.throws(() => parseRecipe('a: [', 'bad.yaml'), /bad\.yaml is not YAML/);
});

test('how to get a missing file', () => {
  const at = (path: string): string | undefined => fetchAdviceFor(resolve(path));
  const command = 'Get the corpus first: coldstart corpus fetch';
  assert.equal(at('corpora/iwslt14-de-en/raw/train.de'), `${command} iwslt14`);
  assert.equal(at('corpora/wmt14-en-fr/raw/train.en'), `${command} wmt14 --pair en-fr`);
  assert.equal(at('data/multi30k-en-de/raw/train.en'), `${command} multi30k --dir data`);
  assert.equal(at('/data/iwslt14-de-en/raw/train.en'), `${command} iwslt14 --dir /data`);
  assert.equal(at('corpora/mine-de-en/train.en'), undefined);
  // fetching does not write them
  for (const earlier of ['bpe/train.de', 'tok/test.en', 'bpe/codes'])
    assert.equal(
      at(`corpora/wmt14-en-fr/${earlier}`),
      '"coldstart corpus fetch" writes only raw text, and "coldstart corpus prepare" tokenises and segments it. In the configuration, name the recipe instead of the files: recipe: { name: wmt14, pair: en-fr } (docs/reference/corpora.md).',
    );
});
