import type { NamedOptions, Segmenter } from './subwordMethod.js';
import { subwordMethods, type SubwordChoice, type SubwordOptions } from './subwordMethods.js';

/**
 * Opens the codes or model that the options name.
 *
 * @throws DataError if a file cannot be read or has unexpected contents
 */
export async function openSegmenter<O extends NamedOptions = SubwordOptions>(
  options: O,
  methods: SubwordChoice = subwordMethods,
): Promise<Segmenter> {
  return methods.method(options.method).open(options);
}

/** Names and paths of the files the options read. */
export function subwordFiles(
  options: NamedOptions,
  methods: SubwordChoice = subwordMethods,
): Readonly<Record<string, string>> {
  const values = options as unknown as Readonly<Record<string, string | undefined>>;
  return Object.fromEntries(
    Object.keys(methods.method(options.method).files).flatMap((file) => {
      const path = values[file];
      return path === undefined ? [] : [[file, path]];
    }),
  );
}
