import { Command } from 'commander';
import { bpeCommands } from './corpus/bpeCommands.js';
import { spmCommands } from './corpus/spmCommands.js';
import { cleanCommand } from './corpus/cleanCommand.js';
import { statsCommand } from './corpus/statsCommand.js';
import { extractCommand } from './corpus/extractCommand.js';
import { fetchCommand } from './corpus/fetchCommand.js';
import { tokenizerCommands } from './corpus/tokenizerCommands.js';
import { textCommands } from './corpus/textCommands.js';
import { jsonOption, positiveInteger, wholeNumber } from './options.js';
import { prepareCommand } from './corpus/prepareCommand.js';

export function corpusCommand(): Command {
  const command = new Command('corpus')
    .description('Gets or makes text, cleans and splits it, and turns it into ids.')
    .addCommand(synthCommand())
    .addCommand(fetchCommand())
    .addCommand(extractCommand())
    .addCommand(prepareCommand());
  for (const each of [...textCommands(), cleanCommand(), statsCommand(), ...bpeCommands(), ...spmCommands(), ...tokenizerCommands()]) command.addCommand(each);
  return command;
}

function synthCommand(): Command {
  return new Command('synth')
    .description('Writes the built-in corpus: German-English sentence pairs of a synchronous grammar, reproducible by seed, in train, valid and test without overlap.')
    .requiredOption('--out <dir>', 'folder to write, e.g. runs/data/builtin/text')
    .option('--pairs <n>', 'training pairs', positiveInteger, 20000)
    .option('--valid-pairs <n>', 'validation pairs', positiveInteger, 500)
    .option('--test-pairs <n>', 'test pairs', positiveInteger, 500)
    .option('--seed <n>', 'seed of the sentences', wholeNumber, 1)
    .addOption(jsonOption())
    .addHelpText('after', `
Examples:
  coldstart corpus synth --out runs/data/builtin/text
  coldstart corpus synth --out runs/data/text-100k --pairs 100000 --seed 7`)
    .action(async (flags: { out: string; pairs: number; validPairs: number; testPairs: number; seed: number; json?: boolean }) => {
      const { writeSyntheticCorpus } = await import('../data/synth/generateCorpus.js');
      const { out, json, ...sizes } = flags;
      const { status, manifest } = await writeSyntheticCorpus(out, { pairs: sizes.pairs, validPairs: sizes.validPairs, testPairs: sizes.testPairs, seed: sizes.seed });
      if (json) console.log(JSON.stringify(manifest, null, 2));
      else if (status === 'upToDate') console.log(`${out} holds this corpus already; nothing was done.`);
      else console.log(`${out} written: ${manifest.pairs} training, ${manifest.validPairs} validation and ${manifest.testPairs} test pairs, seed ${manifest.seed}.`);
    });
}
