import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type ErrorCode,
  type Node,
  type ParsedNode,
  type YAMLParseError,
} from 'yaml';
import { UsageError } from '../errors.js';

/** A parsed YAML text: its nodes, their places, and their text. */
export interface YamlText {
  readonly document: Document;
  readonly contents: ParsedNode | null;
  /** File and line of a node. */
  place(node: unknown): string;
  /** The node's text, cut if it is long. */
  written(node: unknown): string;
  /** The value of a node, aliases resolved. @throws UsageError where aliases repeat too much */
  valueOf(node: unknown, where: string): unknown;
}

/** Longer values are cut in messages. */
const longestShown = 80;

/**
 * Reads one YAML document.
 *
 * @param name file or option, for messages
 * @throws UsageError naming the line: invalid YAML, two documents, a key given twice in a map, an alias inside the node
 * it refers to
 */
export function readYaml(text: string, name: string): YamlText {
  const lines = new LineCounter();
  const isFile = !name.startsWith('--');
  const at = (offset: number): string => (isFile ? `${name}:${lines.linePos(offset).line}` : name);
  const document = parsed(text, name, lines);
  const [error] = document.errors;
  if (error?.code === 'MULTIPLE_DOCS')
    throw new UsageError(
      `${at(error.pos[0])}: a second YAML document begins here, expected one. Remove the line "---", or put the second into a file.`,
    );
  if (error !== undefined) throw new UsageError(`${at(error.pos[0])} is not valid YAML: ${reason(error)}.`);
  const place = (node: unknown): string => at(startOf(node));
  refuseRepetition(document, place);
  return {
    document,
    contents: document.contents as ParsedNode | null,
    place,
    written: (node) => {
      const [from, to] = (node as Node | null)?.range ?? [0, 0];
      const source = text.slice(from, to).replace(/\s+/g, ' ').trim();
      return source.length > longestShown ? `${source.slice(0, longestShown)}...` : source;
    },
    valueOf: (node, where) => {
      try {
        return (node as Node | null)?.toJS(document) ?? null;
      } catch (cause) {
        throw new UsageError(`${where} repeats aliases too often. Write the values out.`, { cause });
      }
    },
  };
}

function parsed(text: string, name: string, lineCounter: LineCounter): Document {
  try {
    // the library compares every key with all others; refuseRepetition below takes linear time
    return parseDocument(text, { lineCounter, uniqueKeys: false, logLevel: 'error' });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UsageError(`${name} is nested too deeply for a configuration.`, { cause });
  }
}

/** What the library's commonest errors mean, with what to do; others keep the library's words. */
const reasons: Partial<Record<ErrorCode, string>> = {
  BAD_SCALAR_START: 'a value begins with a character that YAML reserves. Put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second ": " in one line. Put the value in quotes, or begin a new line after the first colon',
  MULTILINE_IMPLICIT_KEY: 'a key without a colon. Write "key: value", or "key:" before lines that are indented further',
  TAB_AS_INDENT: 'the line begins with a tab. Indent with spaces',
};

/** Why a text is not YAML: the library's message without its place, which lacks the file, and without quoted lines. */
function reason({ code, message }: YAMLParseError): string {
  const libraryWords = message
    .split('\n')[0]
    .replace(/ at line \d+, column \d+:?$/, '')
    .replace(/[.:]$/, '');
  return reasons[code] ?? libraryWords;
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** @throws UsageError for a key given twice in one map, or an alias inside the node it refers to */
function refuseRepetition(document: Document, place: (node: unknown) => string): void {
  const waiting: unknown[] = [document.contents];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (isAlias(node)) {
      const repeated = node.resolve(document);
      if (repeated === undefined)
        throw new UsageError(`${place(node)}: the alias *${node.source} has no &${node.source} before it.`);
      const [from, , to] = repeated.range ?? [0, 0, 0];
      if (from <= startOf(node) && startOf(node) < to)
        throw new UsageError(`${place(node)}: the alias *${node.source} is inside the value that it repeats.`);
    } else if (isMap(node)) {
      const seen = new Map<string, unknown>();
      for (const { key, value } of node.items) {
        const name = String(isScalar(key) ? key.value : key);
        if (seen.has(name))
          throw new UsageError(
            `${place(key)}: ${name} is set twice, first in ${place(seen.get(name))}. Remove one of the two.`,
          );
        seen.set(name, key);
        waiting.push(key, value);
      }
    } else if (isSeq(node)) for (const item of node.items) waiting.push(item);
  }
}
