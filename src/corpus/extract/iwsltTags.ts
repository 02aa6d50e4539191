import { trimAscii } from './oneLine.js';
import { textLines } from './openText.js';

export interface IwsltTagsOptions {
  /** Elements that are left out with their line, e.g. `url`. */
  readonly drop?: readonly string[];
}

/** Everything that is not text of a talk. */
const iwsltMetadata = ['url', 'keywords', 'speaker', 'talkid', 'reviewer', 'translator', 'doc', 'transcript'];
/** The marks of these are removed; their text is translated like the rest. */
const unwrap = /<\/?(?:title|description)>/g;

/**
 * The lines of an IWSLT training file, `train.tags.de-en.de`: unchanged text, one sentence per line, between lines of
 * metadata in tags. Lines that hold one of the `drop` tags are left out, and the marks of title and description.
 *
 * White space around the text is removed. Other tags stay, and so does `&amp;`: both are text to the scripts whose
 * results are compared. Source: fairseq, examples/translation: prepare-iwslt14.sh drops url, talkid and keywords;
 * prepare-iwslt17-multilingual.sh all metadata.
 */
export async function* iwsltTagLines(
  path: string,
  { drop = iwsltMetadata }: IwsltTagsOptions = {},
): AsyncGenerator<(string | null)[]> {
  // some tags have attributes, and a name may begin another: <translator href="...">, </doc>
  const dropped = new RegExp(`</?(?:${drop.join('|')})[ >]`);
  for await (const lines of textLines(path)) {
    const kept = drop.length === 0 ? lines : lines.filter((line) => line === null || !dropped.test(line));
    yield kept.map((line) => (line === null ? null : trimAscii(line.replace(unwrap, ''))));
  }
}
