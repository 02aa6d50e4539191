import { DataError } from '../../errors.js';
import { decodeReferences } from './characterReferences.js';
import { oneLine } from './oneLine.js';
import { validTextLines } from './openText.js';

export interface SegmentOptions {
  /** Replace character references such as `&amp;` by their characters. Default true; the fairseq scripts keep them. */
  readonly decode?: boolean;
  /** Write ’ as ', as the fairseq scripts do. Default false. */
  readonly straightApostrophes?: boolean;
}

/** A longer sentence means that the file is damaged. */
const maxSegmentLength = 2 ** 20;
const maxTagLength = 2 ** 16;
/** What ends each state. */
const marks = { outside: /<seg(?:\s[^<>]*)?>|<!--/gi, segment: /<\/seg\s*>/gi, comment: /-->/g };

/**
 * The segments of a file of the evaluation campaigns, in order: the text between `<seg id="1">` and `</seg>`, in the
 * XML of IWSLT and the SGML of WMT, without comments. Other elements are ignored, so the file need not be well-formed.
 *
 * @throws DataError for invalid UTF-8, a segment or comment that is not closed, and a file without segments
 */
export async function* segmentLines(
  path: string,
  { decode = true, straightApostrophes = false }: SegmentOptions = {},
): AsyncGenerator<string[]> {
  let rest = '';
  let state: keyof typeof marks = 'outside';
  let found = 0;
  const finishText = (text: string): string => {
    const line = oneLine(decode ? decodeReferences(text) : text);
    return straightApostrophes ? line.replaceAll('’', "'") : line;
  };
  for await (const lines of validTextLines(path)) {
    rest += `${lines.join('\n')}\n`;
    const segments: string[] = [];
    let at = 0;
    for (;;) {
      const mark: RegExp = marks[state];
      mark.lastIndex = at;
      const match = mark.exec(rest);
      if (match === null) break;
      if (state === 'segment') {
        const text = rest.slice(at, match.index);
        if (/<seg[\s>]/i.test(text))
          throw new DataError(
            `${path}: segment ${found + segments.length + 1} is not closed before the next one begins. Is it a file of the evaluation campaigns?`,
          );
        segments.push(finishText(text));
      }
      at = match.index + match[0].length;
      state = state !== 'outside' ? 'outside' : match[0] === '<!--' ? 'comment' : 'segment';
    }
    // outside segments only the start of a tag matters, in a comment only its end
    const lastTag = rest.lastIndexOf('<');
    if (state === 'segment') rest = rest.slice(at);
    else if (state === 'comment') rest = rest.slice(Math.max(at, rest.length - 2));
    else rest = lastTag < at ? '' : rest.slice(lastTag);
    if (rest.length > (state === 'segment' ? maxSegmentLength : maxTagLength))
      throw new DataError(
        `${path}: ${state === 'segment' ? `segment ${found + segments.length + 1}` : 'a tag'} has more than ${rest.length} characters. Is it a file of the evaluation campaigns?`,
      );
    found += segments.length;
    if (segments.length > 0) yield segments;
  }
  if (state !== 'outside')
    throw new DataError(
      `${path} ends within ${state === 'comment' ? 'a comment' : `segment ${found + 1}`}: it is damaged or not complete.`,
    );
  if (found === 0)
    throw new DataError(`${path} has no segments <seg id="...">. Is it a file of the evaluation campaigns?`);
}
