// Trains the small models that are exported: one per residual scheme on a joint vocabulary, and one on two
// vocabularies.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const init = { none: 'tfixup', deepnorm: 'deepnorm' };

export const modelNames = ['post-ln', 'pre-ln', 'admin', 'deepnorm', 'none', 'two-vocabularies'];

const configuration = (folder, name, updates) => `corpus:
  dir: ${join(folder, `prepared-${name === 'two-vocabularies' ? 'two' : 'one'}`)}
  srcLang: de
  trgLang: en
  train: { src: text/train.de, trg: text/train.en }
  valid: { src: text/valid.de, trg: text/valid.en }
  test: { src: text/test.de, trg: text/test.en }
  subwords: { method: bpe, merges: 500 }
  vocabulary: { joined: ${name !== 'two-vocabularies'} }
model:
  numEncoderLayers: 2
  numDecoderLayers: 2
  dModel: 64
  dFf: 128
  numHeads: 4
  sharing: ${name === 'two-vocabularies' ? 'decoder-tied' : 'tied'}
  residual: ${name === 'two-vocabularies' ? 'post-ln' : name}
  dropout: 0
init: { method: ${init[name] ?? 'fairseq'} }
train: { lr: 3e-3, warmupUpdates: 50, maxUpdates: ${updates}, maxTokens: 1024, keepEpochs: 0 }
decode: { beamSize: 5, checkpoint: last, bleu: tokenised }
`;

/** @param coldstart runs the command line @returns runs by name */
export function trainModels(folder, coldstart, { updates }) {
  coldstart(['corpus', 'synth', '--pairs', '20000', '--out', join(folder, 'text')]);
  return Object.fromEntries(
    modelNames.map((name) => {
      const config = join(folder, `${name}.yaml`);
      writeFileSync(config, configuration(folder, name, updates));
      coldstart(['corpus', 'prepare', '-c', config]);
      const run = join(folder, 'runs', name);
      coldstart(['train', '-c', config, '--run', run, '--resume']);
      return [name, run];
    }),
  );
}
