import { Command } from 'commander';
import { jsonOption } from './options.js';

interface ImportFlags {
  from: string;
  out: string;
  json?: boolean;
}

export function importCommand(): Command {
  return new Command('import')
    .description(
      "Converts a model of Hugging Face's transformers to a checkpoint, if coldstart computes the same as that model.",
    )
    .requiredOption('--from <dir>', 'folder of the model: config.json, model.safetensors and its tokenizer')
    .requiredOption('--out <dir>', 'folder to write: model.safetensors and text/')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Models of fairseq (FSMT) are taken exactly. Marian models are rejected with the reasons: their positions, activations or biases differ.
Weights in pytorch_model.bin are not read, as a pickle can run any code.

Examples:
  coldstart import --from wmt19-en-de --out imported/en-de
  coldstart translate --checkpoint imported/en-de/model.safetensors --input text.en
  coldstart train -c mine.yaml --run runs/mine --init-from imported/en-de/model.safetensors`,
    )
    .action(async ({ from, out, json }: ImportFlags) => {
      const { importModel } = await import('../import/importModel.js');
      const { checkpoint, model, notes } = await importModel(from, out);
      if (json) console.log(JSON.stringify({ checkpoint, model, notes }, null, 2));
      else console.log(`${checkpoint}: ${model.numEncoderLayers}+${model.numDecoderLayers} layers, d ${model.dModel}`);
      if (!json) for (const note of notes) console.error(note);
    });
}
