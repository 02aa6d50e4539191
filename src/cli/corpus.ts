import { Command } from 'commander';
import { loadCommands, type CommandModules } from './commandModules.js';
import { fieldValue, jsonOption } from './options.js';
import { synthFields } from '../corpus/synth/generateCorpus.js';

const modules: CommandModules = {
  synth: async () => synthCommand(),
  fetch: async () => (await import('./corpus/fetchCommand.js')).fetchCommand(),
  extract: async () => (await import('./corpus/extractCommand.js')).extractCommand(),
  prepare: async () => (await import('./corpus/prepareCommand.js')).prepareCommand(),
  normalize: async () => (await import('./corpus/textCommands.js')).normalizeCommand(),
  tokenize: async () => (await import('./corpus/textCommands.js')).tokenizeCommand(),
  detokenize: async () => (await import('./corpus/textCommands.js')).detokenizeCommand(),
  lowercase: async () => (await import('./corpus/textCommands.js')).lowercaseCommand(),
  'train-truecaser': async () => (await import('./corpus/textCommands.js')).trainTruecaserCommand(),
  truecase: async () => (await import('./corpus/textCommands.js')).truecaseCommand(),
  detruecase: async () => (await import('./corpus/textCommands.js')).detruecaseCommand(),
  clean: async () => (await import('./corpus/cleanCommand.js')).cleanCommand(),
  stats: async () => (await import('./corpus/statsCommand.js')).statsCommand(),
  'learn-bpe': async () => (await import('./corpus/bpeCommands.js')).learnBpeCommand(),
  'apply-bpe': async () => (await import('./corpus/bpeCommands.js')).applyBpeCommand(),
  'get-vocab': async () => (await import('./corpus/bpeCommands.js')).getVocabCommand(),
  'learn-spm': async () => (await import('./corpus/spmCommands.js')).learnSpmCommand(),
  'apply-spm': async () => (await import('./corpus/spmCommands.js')).applySpmCommand(),
  'apply-tokenizer': async () => (await import('./corpus/tokenizerCommands.js')).applyTokenizerCommand(),
  'export-tokenizer': async () => (await import('./corpus/tokenizerCommands.js')).exportTokenizerCommand(),
};

/** @param name the argument after "corpus" */
export async function corpusCommand(name: string | undefined): Promise<Command> {
  const command = new Command('corpus').description('Gets or makes text, cleans and splits it, and turns it into ids.');
  for (const subcommand of await loadCommands(modules, name)) command.addCommand(subcommand);
  return command;
}

function synthCommand(): Command {
  return new Command('synth')
    .description(
      'Writes the built-in corpus: German-English sentence pairs of a synchronous grammar, reproducible by seed, in train, valid and test without overlap.',
    )
    .requiredOption('--out <dir>', 'folder to write, e.g. runs/data/builtin/text')
    .option('--pairs <n>', 'training pairs', fieldValue(synthFields.pairs), 20000)
    .option('--valid-pairs <n>', 'validation pairs', fieldValue(synthFields.validPairs), synthFields.validPairs.default)
    .option('--test-pairs <n>', 'test pairs', fieldValue(synthFields.testPairs), synthFields.testPairs.default)
    .option('--seed <n>', 'seed of the sentences', fieldValue(synthFields.seed), synthFields.seed.default)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  coldstart corpus synth --out runs/data/builtin/text
  coldstart corpus synth --out runs/data/text-100k --pairs 100000 --seed 7`,
    )
    .action(
      async (flags: {
        out: string;
        pairs: number;
        validPairs: number;
        testPairs: number;
        seed: number;
        json?: boolean;
      }) => {
        const { writeSyntheticCorpus } = await import('../corpus/synth/generateCorpus.js');
        const { out, json, ...sizes } = flags;
        const { status, manifest } = await writeSyntheticCorpus(out, {
          pairs: sizes.pairs,
          validPairs: sizes.validPairs,
          testPairs: sizes.testPairs,
          seed: sizes.seed,
        });
        if (json) console.log(JSON.stringify(manifest, null, 2));
        else if (status === 'upToDate') console.log(`${out} holds this corpus already; nothing was done.`);
        else
          console.log(
            `${out} written: ${manifest.pairs} training, ${manifest.validPairs} validation and ${manifest.testPairs} test pairs, seed ${manifest.seed}.`,
          );
      },
    );
}
