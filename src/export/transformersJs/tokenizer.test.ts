import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { casePath } from '../../../test/cases.js';
import { referencePath } from '../../../test/reference.js';
import { firstOrdinaryId, unkId } from '../../text/specialIds.js';
import { bpeCodesText, learnBpe } from '../../text/subwords/learnBpe.js';
import { openSegmenter } from '../../text/subwords/segmenter.js';
import type { SubwordOptions } from '../../text/subwords/subwordMethods.js';
import { WordCounter } from '../../text/subwords/wordCounter.js';
import { exportTokenizer } from '../../text/tokenizerExport/exportTokenizer.js';
import type { TextPipelineParts } from '../../text/textPipeline.js';
import { Vocabulary } from '../../text/vocabulary.js';
import { jointTokenizer } from './tokenizer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-joint-'));
after(() => rmSync(folder, { recursive: true }));

const { lines } = JSON.parse(readFileSync(referencePath('text/moses/en.json'), 'utf8')) as {
  lines: { lower: string }[];
};
const english = lines
  .map(({ lower }) => lower.trim().replaceAll(/ +/g, ' '))
  .filter((line) => /^[ -~]+$/.test(line))
  .slice(0, 60);
const german = english.map((line) => [...line.toUpperCase()].reverse().join('').replaceAll(/ +/g, ' ').trim());

function codes(name: string, text: readonly string[], numMerges: number): SubwordOptions {
  const counter = new WordCounter();
  counter.add(Buffer.from(text.join('\n')));
  const path = join(folder, name);
  writeFileSync(path, bpeCodesText(learnBpe(counter.addTo(new Map()), { numMerges })));
  return { method: 'bpe', codes: path };
}

const kinds: Readonly<Record<string, SubwordOptions>> = {
  words: { method: 'none', joiner: '' },
  bpe: codes('codes', [...english, ...german], 150),
  unigram: { method: 'sentencepiece', model: referencePath('text/sentencepiece/m30k.unigram.4000.model') },
  'sentencepiece bpe': { method: 'sentencepiece', model: referencePath('text/sentencepiece/m30k.bpe.4000.model') },
  'tokenizer.json': { method: 'huggingface', tokenizer: casePath('04-unigram-byte-fallback.tokenizer.json') },
};

async function vocabulary(subwords: SubwordOptions, text: readonly string[]): Promise<Vocabulary> {
  const segmenter = await openSegmenter(subwords);
  const counts = new Map<string, number>();
  for (const tokens of await segmenter.segment(text))
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  await segmenter.close();
  return Vocabulary.fromCounts(counts);
}

const open = (files: Readonly<Record<string, string>>): Tokenizer =>
  new Tokenizer(JSON.parse(files['tokenizer.json']) as object, JSON.parse(files['tokenizer_config.json']) as object);
const decode = (tokenizer: Tokenizer, ids: number[]): string => tokenizer.decode(ids, { skip_special_tokens: true });

// every kind once on each side
const names = Object.keys(kinds);
for (const [i, srcKind] of names.entries()) {
  const trgKind = names[(i + 2) % names.length];
  const [src, trg] = [kinds[srcKind], kinds[trgKind]];
  test(`${srcKind} to ${trgKind}: splits as the source's tokenizer, writes as the target's`, async () => {
    const text: TextPipelineParts = {
      subwords: { src, trg },
      vocabularies: { src: await vocabulary(src, german), trg: await vocabulary(trg, english) },
      preprocessing: { src: [], trg: [] },
    };
    const { files, target } = jointTokenizer(text);
    const [joint, source, own] = [files, exportTokenizer(text, 'src').files, exportTokenizer(text, 'trg').files].map(
      open,
    );
    assert.equal(target.size - target.firstOrdinary, text.vocabularies.trg.size - firstOrdinaryId);
    const known = (ids: number[]): number[] => ids.map((id) => (id < text.vocabularies.src.size ? id : unkId));
    for (const line of [...german, ...english.slice(0, 20), '', ' '])
      assert.deepEqual(known(joint.encode(line).ids), known(source.encode(line).ids), line);
    for (const line of english) {
      // a model's translation has no other ids than those of its vocabulary
      const ids = own.encode(line).ids.filter((id: number) => id < text.vocabularies.trg.size && id !== unkId);
      const shared = ids.map((id: number) => (id < firstOrdinaryId ? id : id + target.firstOrdinary - firstOrdinaryId));
      assert.equal(decode(joint, shared).trim(), decode(own, ids).trim(), line); // the library trims after some models
    }
  });
}
