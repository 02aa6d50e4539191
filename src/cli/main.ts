#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { ColdstartError } from '../errors.js';
import { version } from '../version.js';
import { ablateCommand } from './ablate.js';
import { averageCommand } from './average.js';
import { benchCommand } from './bench.js';
import { corpusCommand } from './corpus.js';
import { doctorCommand } from './doctor.js';
import { gradinitCommand } from './gradinit.js';
import { Interrupted } from './interrupts.js';
import { reportCommand } from './report.js';
import { scoreCommand } from './score.js';
import { trainCommand } from './train.js';
import { translateCommand } from './translate.js';
import { watchCommand } from './watch.js';

function program(): Command {
  const command = new Command('coldstart')
    .description('Trains Transformer translation models without learning-rate warmup (GradInit, arXiv 2102.08098), and compares with the warmup baseline.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', `
From text to a table of results:
  coldstart corpus synth --out runs/data/builtin/text      sentence pairs of the built-in corpus
  coldstart corpus prepare -c configs/builtin.yaml         text to ids
  coldstart train -c configs/builtin.yaml                  initialise, train, translate the test set, score
  coldstart ablate -c configs/ablate-builtin.yaml          warmup, no warmup, GradInit side by side
  coldstart report runs/ablate-builtin                     what came of it

Configuration keys: docs/config.md. Exit status: 0 done, 1 failed, 2 wrong usage, 130 and 143 interrupted.`)
    .showHelpAfterError('Try "coldstart --help".');
  for (const make of [doctorCommand, corpusCommand, trainCommand, gradinitCommand, translateCommand, scoreCommand, averageCommand, ablateCommand, reportCommand, watchCommand, benchCommand]) {
    command.addCommand(make());
  }
  eachCommand(command, '', (subcommand, path) => {
    subcommand.exitOverride();
    subcommand.option('--verbose', 'print stacks of errors');
    if (path !== 'coldstart') subcommand.helpOption('-h, --help', 'print help').showHelpAfterError(`Try "${path} --help".`);
  });
  return command;
}

function eachCommand(command: Command, parentPath: string, visit: (command: Command, path: string) => void): void {
  const path = `${parentPath} ${command.name()}`.trim();
  visit(command, path);
  for (const subcommand of command.commands) eachCommand(subcommand, path, visit);
}

/** Runs the command line; returns the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  const verbose = argv.includes('--verbose');
  try {
    await program().parseAsync(argv, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    // commander has printed its message, or the help or version that was asked for
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) {
      console.error(error.message);
      return error.exitCode;
    }
    const known = error instanceof ColdstartError;
    console.error(`coldstart: ${error instanceof Error ? error.message : String(error)}`);
    if (verbose && error instanceof Error) console.error(error.stack, ...(error.cause ? ['\ncaused by', error.cause] : []));
    else if (!known) console.error('This is a defect of coldstart. Run again with --verbose for the stack, and report it.');
    return known ? error.exitCode : 1;
  }
}

// A reader that closed our output (head, less) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await main(process.argv.slice(2));
