import { TextDecoder } from 'node:util';
import { DataError } from '../../errors.js';
import { oneLine } from './oneLine.js';
import { textBytes } from './openText.js';
import { XmlScanner, type XmlHandler } from './xmlScanner.js';

export interface TmxPairs {
  readonly src: string[];
  readonly trg: string[];
  /** Units skipped since the last block: without a segment in one of the languages. */
  readonly skipped: number;
  /** The first codes of languages in the file, as it spells them: at most `mostLanguages`. */
  readonly languages: readonly string[];
}

const mostLanguages = 8;

const maxSegmentLength = 2 ** 20;
/** These contain codes of other formats, not text; only `hi` marks text. */
const codeElements = new Set(['bpt', 'ept', 'it', 'ph', 'ut', 'sub']);

/**
 * Pairs of segments of a translation memory, in blocks; units without one of the languages are skipped. Line breaks
 * inside a segment become spaces.
 *
 * @param srcLang, trgLang `de` also matches `de-AT`; of several segments of a language the first counts
 * @throws DataError if the file is malformed, declares entities, or nests too deep (see `XmlScanner`)
 * Source: TMX 1.4b specification (LISA, 2005).
 */
export async function* tmxPairs(path: string, srcLang: string, trgLang: string): AsyncGenerator<TmxPairs> {
  const reader = new TmxReader(path, srcLang, trgLang);
  const scanner = new XmlScanner(path, reader);
  let decoder: TextDecoder | null = null;
  try {
    for await (const chunk of textBytes(path)) {
      decoder ??= decoderFor(chunk);
      scanner.write(decoder.decode(chunk, { stream: true }));
      const pairs = reader.take();
      if (pairs.src.length > 0 || pairs.skipped > 0) yield pairs;
    }
    scanner.write(decoder?.decode() ?? '');
    scanner.end();
  } catch (cause) {
    if (cause instanceof TypeError && (cause as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new DataError(`${path} is not valid UTF-8 or UTF-16.`, { cause });
    throw cause;
  }
  yield reader.take();
}

/** UTF-16 has a byte order mark; everything else is UTF-8. */
function decoderFor(start: Buffer): TextDecoder {
  const mark = start.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, { fatal: true });
}

/** Gathers the pairs of units as they close. */
class TmxReader implements XmlHandler {
  private pairs = { src: [] as string[], trg: [] as string[], skipped: 0 };
  private unit: { src?: string; trg?: string } | null = null;
  private side: 'src' | 'trg' | null = null;
  private segment: string | null = null;
  private codeDepth = 0;
  private sawTmx = false;
  private readonly languages = new Set<string>();

  constructor(
    private readonly name: string,
    private readonly srcLang: string,
    private readonly trgLang: string,
  ) {}

  open(name: string, attributes: () => ReadonlyMap<string, string>): void {
    if (!this.sawTmx) {
      if (name !== 'tmx')
        throw new DataError(`${this.name} begins with <${name}>, expected <tmx>: it is no translation memory.`);
      this.sawTmx = true;
    } else if (name === 'tu') this.unit = {};
    else if (name === 'tuv' && this.unit !== null) {
      const found = attributes();
      const language = found.get('xml:lang') ?? found.get('lang') ?? '';
      if (language !== '' && this.languages.size < mostLanguages) this.languages.add(language);
      this.side = this.sideOf(language);
    } else if (name === 'seg' && this.side !== null) this.segment = '';
    else if (codeElements.has(name)) this.codeDepth++;
  }

  close(name: string): void {
    if (codeElements.has(name)) this.codeDepth--;
    else if (name === 'seg' && this.segment !== null) {
      if (this.unit !== null && this.side !== null) this.unit[this.side] ??= oneLine(this.segment);
      this.segment = null;
    } else if (name === 'tuv') this.side = null;
    else if (name === 'tu') this.closeUnit();
  }

  text(text: string): void {
    if (this.segment === null || this.codeDepth > 0) return;
    this.segment += text;
    if (this.segment.length > maxSegmentLength)
      throw new DataError(
        `${this.name}: a segment has more than ${maxSegmentLength} characters. Is it a translation memory of sentences?`,
      );
  }

  take(): TmxPairs {
    const taken = { ...this.pairs, languages: [...this.languages] };
    this.pairs = { src: [], trg: [], skipped: 0 };
    return taken;
  }

  private closeUnit(): void {
    const { src, trg } = this.unit ?? {};
    this.unit = null;
    if (src === undefined || trg === undefined) {
      this.pairs.skipped++;
      return;
    }
    this.pairs.src.push(src);
    this.pairs.trg.push(trg);
  }

  private sideOf(language: string): 'src' | 'trg' | null {
    const is = (wanted: string): boolean => {
      const [found, asked] = [language.toLowerCase().replace('_', '-'), wanted.toLowerCase().replace('_', '-')];
      return found === asked || found.startsWith(`${asked}-`);
    };
    return is(this.srcLang) ? 'src' : is(this.trgLang) ? 'trg' : null;
  }
}
