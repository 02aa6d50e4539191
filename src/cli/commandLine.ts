import { Command, CommanderError } from 'commander';
import { ColdstartError, UsageError } from '../errors.js';
import { handleOutputErrors } from '../storage/outputStreams.js';
import { systemFailure } from '../storage/systemFailure.js';
import { version } from '../package.js';
import { loadCommands, type CommandModules } from './commandModules.js';
import { escapeControls } from './escapeControls.js';
import { Interrupted } from './interrupts.js';

const modules = (argv: readonly string[]): CommandModules => ({
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  'build-native': async () => (await import('./buildNative.js')).buildNativeCommand(),
  quickstart: async () => (await import('./quickstart.js')).quickstartCommand(),
  init: async () => (await import('./init.js')).initCommand(),
  corpus: async () => (await import('./corpus.js')).corpusCommand(argv[1]),
  train: async () => (await import('./train.js')).trainCommand(),
  gradinit: async () => (await import('./gradinit.js')).gradinitCommand(),
  translate: async () => (await import('./translate.js')).translateCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  score: async () => (await import('./score.js')).scoreCommand(),
  export: async () => (await import('./export.js')).exportCommand(),
  import: async () => (await import('./import.js')).importCommand(),
  average: async () => (await import('./average.js')).averageCommand(),
  ablate: async () => (await import('./ablate.js')).ablateCommand(),
  report: async () => (await import('./report.js')).reportCommand(),
  watch: async () => (await import('./watch.js')).watchCommand(),
  bench: async () => (await import('./bench.js')).benchCommand(),
});

async function program(argv: readonly string[]): Promise<Command> {
  const command = new Command('coldstart')
    .description(
      'Trains Transformer translation models without learning-rate warmup (GradInit, arXiv 2102.08098), and compares with the warmup baseline.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText(
      'after',
      `
First steps:
  coldstart doctor                                         what this machine can train on
  coldstart build-native                                   the fast engine
  coldstart quickstart                                     warmup, no warmup and GradInit on the built-in corpus: a table
  coldstart init --src corpus.de --trg corpus.en           a configuration for text of your own

From text to a table of results:
  coldstart corpus synth --out runs/data/builtin/text      sentence pairs of the built-in corpus
  coldstart corpus prepare -c configs/builtin.yaml         text to ids
  coldstart train -c configs/builtin.yaml                  initialise, train, translate the test set, score
  coldstart ablate -c configs/ablate-builtin.yaml          warmup, no warmup, GradInit side by side
  coldstart report runs/ablate-builtin                     the results as a page

Configuration keys: docs/reference/config.md. Exit status: 0 done, 1 failed, 2 wrong usage, 129, 130 and 143 interrupted,
141 when the reader of standard output ended.`,
    )
    .showHelpAfterError('Try "coldstart --help".');
  for (const subcommand of await loadCommands(modules(argv), argv[0])) command.addCommand(subcommand);
  command.hook('preAction', (_, action) => refuseEmptyValues(action));
  eachCommand(command, '', (subcommand, path) => {
    subcommand.exitOverride();
    subcommand.configureOutput({ outputError: (text, write) => write(escapeControls(text)) });
    subcommand.option('--verbose', 'print stacks of errors');
    if (path !== 'coldstart')
      subcommand.helpOption('-h, --help', 'print help').showHelpAfterError(`Try "${path} --help".`);
  });
  return command;
}

/** Text that may be empty; everything else names something: a file, a language, a number. */
const mayBeEmpty = /<(mark|words\.\.\.|pieces\.\.\.)>/;

/**
 * Refuses options and arguments without text, as from a variable that is not set: to a file system an empty path is
 * the current folder.
 */
function refuseEmptyValues(command: Command): void {
  const because = 'If it comes from a variable of the shell, that is not set.';
  for (const option of command.options) {
    const { flags, long, short } = option;
    if (mayBeEmpty.test(flags)) continue;
    const values: unknown[] = [command.getOptionValue(option.attributeName())].flat();
    if (values.includes(''))
      throw new UsageError(`${long ?? short} is empty, expected ${/<.*>/.exec(flags)?.[0] ?? 'a value'}. ${because}`);
  }
  command.args.forEach((value, i) => {
    if (value === '')
      throw new UsageError(
        `argument ${i + 1} is empty, expected <${command.registeredArguments[i]?.name() ?? 'text'}>. ${because}`,
      );
  });
}

function eachCommand(command: Command, parentPath: string, visit: (command: Command, path: string) => void): void {
  const path = `${parentPath} ${command.name()}`.trim();
  visit(command, path);
  for (const subcommand of command.commands) eachCommand(subcommand, path, visit);
}

/**
 * The arguments, without "help" before a name that no command has: the name alone is reported with what was meant,
 * while commander's "help" prints every command and no reason.
 */
function withoutIdleHelp(command: Command, argv: readonly string[]): readonly string[] {
  const at = argv[0] === 'help' ? 0 : 1;
  const { commands = [] } = (at === 0 ? command : command.commands.find((each) => each.name() === argv[0])) ?? {};
  const name = argv[at + 1];
  const isIdle =
    argv[at] === 'help' &&
    commands.length > 0 &&
    name !== undefined &&
    !name.startsWith('-') &&
    ![...commands.map((each) => each.name()), 'help'].includes(name);
  return isIdle ? argv.filter((_, i) => i !== at) : argv;
}

/** Runs the command line; returns the exit status. */
export async function commandLine(argv: readonly string[]): Promise<number> {
  handleOutputErrors();
  const verbose = argv.includes('--verbose');
  try {
    const command = await program(argv);
    await command.parseAsync(withoutIdleHelp(command, argv), { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    // commander has printed its message, or the requested help or version
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) {
      console.error(error.lastLine());
      return error.exitCode;
    }
    const known = error instanceof ColdstartError ? error : systemFailure(error);
    const message = known?.message ?? (error instanceof Error ? error.message : String(error));
    console.error(`coldstart: ${escapeControls(message)}${known ? ` [${known.code}]` : ''}`);
    if (verbose && error instanceof Error)
      console.error(error.stack, ...(error.cause ? ['\ncaused by', error.cause] : []));
    else if (!known)
      console.error('This is a defect of coldstart. Run again with --verbose for the stack, and report it.');
    return known?.exitCode ?? 1;
  }
}
