import { InvalidArgumentError, Option } from 'commander';
import { backendNames } from '../backend/backendNames.js';
import { precisions } from '../backend/precisions.js';
import type { Field } from '../field.js';

/** `-c, --config FILE`, and any number of `--set key=value`. */
export const configOption = () =>
  new Option('-c, --config <file>', 'configuration, YAML (keys: docs/reference/config.md)').makeOptionMandatory();
export const setOption = () => severalOption('--set <key=value>', 'change a configuration key; may be repeated');
/** An option that may be repeated: a list of its values. */
export const severalOption = (flags: string, description: string) =>
  new Option(flags, description).argParser((value: string, all: string[] = []) => [...all, value]).default([], 'none');
export const backendOption = () => new Option('--backend <name>', 'where to compute').choices([...backendNames]);
export const precisionOption = () =>
  new Option('--precision <name>', 'matrix products of training').choices([...precisions]);
export const ignoreMemoryOption = () =>
  new Option('--ignore-memory', 'start even if the run is estimated to need more memory than is available');
export const licenseOption = () =>
  new Option('--license <id>', 'licence for the model card, e.g. apache-2.0').argParser(licenseId);
export const jsonOption = () => new Option('--json', 'print JSON');

/** An option's parser with the bounds of the setting that it sets. */
export function fieldValue(field: Field<number> | Field<number | undefined>): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? undefined : field.parse(Number(text));
    if (value === undefined) throw new InvalidArgumentError(`Expected ${field.accepts}.`);
    return value;
  };
}

/** An option that is one of the values of a setting, with its default. */
export function fieldOption(flags: string, help: string, { values, default: initial }: Field<string>): Option {
  return new Option(flags, help).choices([...values!]).default(initial);
}

/** For options that are counts. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Expected a positive integer.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected an integer of at least 0.');
  return value;
}

/** An option's parser with an upper bound. */
export function atMost(limit: number, parse: (text: string) => number): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (value > limit) throw new InvalidArgumentError(`Expected at most ${limit}.`);
    return value;
  };
}

export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** A share or a probability. */
export function share(text: string): number {
  const value = finiteNumber(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

/** Licences as Hugging Face's hub writes them. */
function licenseId(text: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(text))
    throw new InvalidArgumentError('Expected an identifier in small letters, e.g. apache-2.0, cc-by-4.0, other.');
  return text;
}
