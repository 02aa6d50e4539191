import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sampleModel } from '../../test/exportSample.js';
import { importModel } from '../import/importModel.js';
import { openTextPipeline } from '../text/textPipeline.js';
import { readCheckpoint } from '../train/checkpoint.js';
import { huggingface } from './huggingface/huggingface.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-round-'));
after(() => rmSync(home, { recursive: true }));

test('a model exported for transformers and imported again is the same, with its text', async () => {
  for (const [kind, sharing] of [
    ['joint', 'tied'],
    ['separate', 'decoder-tied'],
    ['separate', 'none'],
  ] as const) {
    const model = sampleModel(kind, { sharing });
    const folder = mkdtempSync(join(home, 'export-'));
    await huggingface.write(model, { folder, dtypes: ['float32'] });
    const out = join(home, `${kind}-${sharing}`);
    const { checkpoint } = await importModel(folder, out);
    const { config, params } = readCheckpoint(checkpoint);
    assert.deepEqual(config, model.config);
    for (const [name, { data }] of model.parameters) assert.deepEqual(params.get(name)!.data, data, name);
    const text = await openTextPipeline(join(out, 'text'));
    const { src, trg } = model.text.vocabularies;
    assert.deepEqual([...text.srcVocabulary.tokens], [...src.tokens]);
    assert.deepEqual([...text.trgVocabulary.tokens], [...trg.tokens]);
    const line = 'da@@ s haus';
    assert.deepEqual([...(await text.encodeSources([line]))[0]], [...src.encode(line.split(' '))]);
    assert.equal(text.decodeTarget(trg.encode(['th@@', 'e', 'house'])), 'the house');
    await text.close();
  }
});
