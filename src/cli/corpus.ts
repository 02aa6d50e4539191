import { Command } from 'commander';
import { cleanCommand } from './corpus/cleanCommand.js';
import { textCommands } from './corpus/textCommands.js';
import { configOption, jsonOption, positiveInteger, setOption, wholeNumber } from './options.js';

export function corpusCommand(): Command {
  const command = new Command('corpus')
    .description('Makes text, cleans and splits it, and turns it into ids.')
    .addCommand(synthCommand())
    .addCommand(prepareCommand());
  for (const each of [...textCommands(), cleanCommand()]) command.addCommand(each);
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

function prepareCommand(): Command {
  return new Command('prepare')
    .description('Turns the text that a configuration names into ids on disk: subwords, vocabulary, binary datasets, a manifest with checksums.')
    .addOption(configOption())
    .addOption(setOption())
    .option('--force', 'replace a corpus made from other inputs or settings')
    .addOption(jsonOption())
    .addHelpText('after', `
Done once; a second run with the same inputs does nothing, with changed ones says what changed.

Examples:
  coldstart corpus prepare -c configs/multi30k-en-de.yaml
  coldstart corpus prepare -c configs/multi30k-en-de.yaml --set corpus.vocabulary.minCount=2 --set corpus.dir=runs/data/m30k-min2`)
    .action(async (flags: { config: string; set: string[]; force?: boolean; json?: boolean }) => {
      const [{ loadConfig }, { prepareOptions }, { prepareCorpus }, { describeCorpus, showLineProgress }] = await Promise.all([
        import('../config/loadConfig.js'), import('../experiment/prepareOptions.js'), import('../data/prepare.js'), import('../report/corpusReport.js'),
      ]);
      const options = prepareOptions(loadConfig(flags.config, flags.set));
      const result = await prepareCorpus(options, { force: flags.force, onProgress: showLineProgress(process.stderr) });
      for (const warning of result.warnings) console.error(`note: ${warning}`);
      if (flags.json) console.log(JSON.stringify(result.manifest, null, 2));
      else console.log(`${result.status === 'upToDate' ? `${options.outDir} is up to date; nothing was done.` : `${options.outDir} written in ${result.manifest.seconds.toFixed(1)} s.`}\n${describeCorpus(result.manifest)}`);
    });
}
