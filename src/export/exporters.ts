import { UsageError } from '../errors.js';
import { ctranslate2 } from './ctranslate2/ctranslate2.js';
import type { Exporter } from './exporter.js';
import { huggingface } from './huggingface/huggingface.js';
import { transformersJs } from './transformersJs/transformersJs.js';

/** The formats, in the order in which help and documentation list them. */
export const exporters: readonly Exporter[] = [transformersJs, ctranslate2, huggingface];

/** The exporter of a format. @throws UsageError naming the formats, for an unknown name */
export function exporterNamed(name: string): Exporter {
  const found = exporters.find((exporter) => exporter.name === name);
  if (found === undefined)
    throw new UsageError(
      `--format is ${JSON.stringify(name)}, expected one of ${exporters.map((exporter) => exporter.name).join(', ')}.`,
    );
  return found;
}

/**
 * The dtypes to write: those asked for, or the format's default.
 * @throws UsageError for one that the format does not have, one named twice, or several where a folder holds one
 */
export function chosenDtypes(exporter: Exporter, asked: readonly string[] = []): readonly string[] {
  if (asked.length === 0) return exporter.defaultDtypes;
  const unknown = asked.find((dtype) => !exporter.dtypes.includes(dtype));
  if (unknown !== undefined)
    throw new UsageError(
      `--dtype is ${JSON.stringify(unknown)}, expected one of ${exporter.dtypes.join(', ')} for --format ${exporter.name}.`,
    );
  const twice = asked.find((dtype, i) => asked.indexOf(dtype) < i);
  if (twice !== undefined) throw new UsageError(`--dtype names ${twice} twice. Name each dtype once.`);
  if (asked.length > 1 && !exporter.severalDtypes)
    throw new UsageError(
      `--dtype names ${asked.join(' and ')}, but a folder of --format ${exporter.name} holds one. Export each to a separate folder.`,
    );
  return asked;
}
