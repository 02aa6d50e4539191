import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { ColdstartError, UsageError } from '../../errors.js';
import { escapeControls } from '../escapeControls.js';
import { abortOnInterrupt } from '../interrupts.js';
import { jsonOption } from '../options.js';

interface FetchFlags {
  pair?: string;
  dir: string;
  fromLocal?: string;
  rawOnly?: boolean;
  force?: boolean;
  yes?: boolean;
  list?: boolean;
  verify?: boolean;
  json?: boolean;
}

export function fetchCommand(): Command {
  return new Command('fetch')
    .description(
      'Gets a corpus by its name: downloads it, resuming and verifying, unpacks it safely, and writes aligned raw text.',
    )
    .argument('[name]', 'corpus (see --list), or the path of a recipe of your own, e.g. ./ours.yaml')
    .option('--pair <src-trg>', 'language pair, e.g. de-en (default: the first of the recipe)')
    .option('--dir <dir>', 'folder of corpora: downloads go to DIR/downloads, text to DIR/NAME-SRC-TRG', 'corpora')
    .option('--from-local <path>', 'folder with the files, packed or unpacked, or the archive: nothing is downloaded')
    .addOption(new Option('--raw-only').hideHelp())
    .option('--yes', 'accept the terms of use without being asked')
    .option('--force', 'write the text again, also over a corpus made from other files')
    .option(
      '--verify',
      'read what was fetched once more, compare it with recorded sizes and checksums, and list what differs; without a name: all of --dir',
    )
    .option('--list', 'list the corpora that can be fetched')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
A download that was cut off resumes where it stopped. Checksums that the recipe does not know are recorded at the first
download in DIR/downloads/checksums.json and hold from then on. Proxies: http_proxy, https_proxy, no_proxy.

Examples:
  coldstart corpus fetch --list
  coldstart corpus fetch iwslt14                                 German-English, in corpora/iwslt14-de-en
  coldstart corpus fetch iwslt14 --from-local ~/de-en.tgz        from a file that is there already
  coldstart corpus fetch wmt14 --pair en-fr --dir /data --yes
  coldstart corpus fetch iwslt14 --verify                        status 1 if a file has changed

Next: "coldstart corpus prepare" with a configuration that names the recipe, such as configs/iwslt14-de-en.yaml.`,
    )
    .action(async (name: string | undefined, flags: FetchFlags) => {
      if (flags.rawOnly)
        throw new UsageError(
          '--raw-only is no longer needed: corpus fetch writes only raw text. Leave it out. "coldstart corpus prepare" does what the recipe\'s corpus section says (see docs/reference/corpora.md).',
        );
      if (flags.verify) await verifyAction(name, flags);
      else if (flags.list) await listRecipes(flags);
      else if (name === undefined) throw new UsageError('which corpus? Name one, or see which there are with --list.');
      else await fetchAction(name, flags);
    });
}

async function listRecipes({ json }: FetchFlags): Promise<void> {
  const [{ readRecipe, recipeNames }, { describeRecipes }] = await Promise.all([
    import('../../corpus/fetch/readRecipe.js'),
    import('../../report/text/recipeReport.js'),
  ]);
  const recipes = recipeNames().map(readRecipe);
  console.log(json ? JSON.stringify(recipes, null, 2) : describeRecipes(recipes));
}

async function fetchAction(name: string, flags: FetchFlags): Promise<void> {
  const [{ checkRecipe }, { readRecipe, pairOf }, { fetchCorpus }, { describeFetch, describeTerms, FetchProgress }] =
    await Promise.all([
      import('../../config/loadConfig.js'),
      import('../../corpus/fetch/readRecipe.js'),
      import('../../corpus/fetch/fetchCorpus.js'),
      import('../../report/text/recipeReport.js'),
    ]);
  const recipe = readRecipe(name);
  const pair = pairOf(recipe, flags.pair);
  checkRecipe(name);
  console.error(escapeControls(describeTerms(recipe, pair)));
  if (flags.fromLocal === undefined && !flags.yes) await askForConsent();
  const progress = new FetchProgress();
  try {
    const result = await fetchCorpus(recipe, pair, {
      dir: flags.dir,
      fromLocal: flags.fromLocal,
      force: flags.force,
      signal: abortOnInterrupt('Downloaded data is stored; the same command resumes from it.'),
      onNote: (note) => progress.note(note),
      onProgress: (file, done, total) => progress.show(file, done, 'bytes', total),
      onWork: (what, done) => progress.show(what, done, what.startsWith('unpack') ? 'bytes' : 'pairs'),
    });
    progress.finish();
    console.log(flags.json ? JSON.stringify(result.manifest, null, 2) : describeFetch(result));
  } finally {
    progress.finish();
  }
}

async function verifyAction(name: string | undefined, { pair, dir, json }: FetchFlags): Promise<void> {
  const [{ readRecipe, recipeNames, pairOf }, { verifyFetched }, { FetchProgress }] = await Promise.all([
    import('../../corpus/fetch/readRecipe.js'),
    import('../../corpus/fetch/verifyFetched.js'),
    import('../../report/text/recipeReport.js'),
  ]);
  const only = name === undefined ? undefined : readRecipe(name);
  const progress = new FetchProgress();
  const checked = await verifyFetched({
    dir,
    only: only && { recipe: only, pair: pairOf(only, pair) },
    recipes: recipeNames().map(readRecipe),
    signal: abortOnInterrupt('Nothing was changed.'),
    onFile: (_, numChecked) => progress.show('verify', numChecked, 'files'),
  }).finally(() => progress.finish());
  const faulty = checked.filter(({ fault }) => fault !== null);
  if (json) console.log(JSON.stringify(checked, null, 2));
  else for (const { path, fault } of faulty) console.log(`${path}: ${fault}`);
  if (faulty.length > 0)
    throw new ColdstartError(
      'VERIFY_FAILED',
      `${faulty.length} of ${checked.length} files differ from their records. Remove damaged downloads and fetch again; text is written again with --force.`,
    );
  if (!json)
    console.log(`${checked.length} ${checked.length === 1 ? 'file equals its record' : 'files equal their records'}.`);
}

async function askForConsent(): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UsageError('nothing is downloaded before the terms above are accepted: add --yes, or run in a terminal.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('Download under these terms? [y/N] ');
    if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('not accepted; nothing was downloaded.');
  } finally {
    terminal.close();
  }
}
