import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgumentError, type Command } from 'commander';
import { ablateCommand } from './ablate.js';
import { averageCommand } from './average.js';
import { benchCommand } from './bench.js';
import { corpusCommand } from './corpus.js';
import { scoreCommand } from './score.js';
import { translateCommand } from './translate.js';
import { watchCommand } from './watch.js';

/** The parsers of numeric options, recognised by reading "1" or "8" as that number. */
function numericOptions(command: Command, path = command.name()): [string, (text: string) => unknown][] {
  return [
    ...command.options.flatMap(({ long, parseArg }): [string, (text: string) => unknown][] => {
      if (parseArg === undefined) return [];
      const parse = (text: string): unknown => parseArg(text, undefined as never);
      return ['1', '8'].some((text) => valueOf(parse, text) === Number(text)) ? [[`${path} ${long}`, parse]] : [];
    }),
    ...command.commands.flatMap((each) => numericOptions(each, `${path} ${each.name()}`)),
  ];
}

/** Undefined where the parser rejects the text. */
function valueOf(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

test('every numeric option rejects text that is not a number, and numbers beyond its bounds', async () => {
  const commands = [
    ablateCommand(),
    averageCommand(),
    benchCommand(),
    await corpusCommand(undefined),
    scoreCommand(),
    translateCommand(),
    watchCommand(),
  ];
  const options = new Map(commands.flatMap((command) => numericOptions(command)));
  assert.ok(options.size >= 38, [...options.keys()].join(', '));
  for (const [name, parse] of options) {
    for (const text of ['', ' ', 'ten', '1,5', 'NaN', 'Infinity', '-Infinity', '1e999'])
      assert.throws(() => parse(text), InvalidArgumentError, `${name} ${JSON.stringify(text)}`);
    if (!/lenpen|smooth-value/.test(name)) assert.throws(() => parse('-1'), InvalidArgumentError, `${name} -1`);
    if (!/lenpen|ratio|smooth-value/.test(name))
      assert.throws(() => parse('9007199254740993'), InvalidArgumentError, `${name} 2^53 + 1`);
  }
  for (const [name, most] of [
    ['ablate --parallel', 1024],
    ['bench train --sentences', 100_000],
    ['bench gradinit --length', 10_000],
    ['bench translate --beam', 1000],
    ['corpus synth --pairs', 10_000_000],
    ['corpus learn-spm --vocab-size', 1_000_000],
    ['corpus learn-spm --max-piece-length', 512],
    ['corpus apply-bpe --dropout', 1],
    ['corpus prepare --workers', 512],
    ['score --chrf-char-order', 100],
    ['score --width', 15],
    ['translate --beam', 1000],
    ['translate --nbest', 1000],
    ['translate --max-source-tokens', 10_000],
    ['watch --port', 65535],
  ] as const) {
    const parse = options.get(name)!;
    assert.equal(parse(String(most)), most, name);
    assert.throws(() => parse(String(most + 1)), InvalidArgumentError, name);
  }
});
