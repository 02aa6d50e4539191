import { DataError } from '../../errors.js';
import { decodeReferences } from './characterReferences.js';

/** Receives the parts of a document in their order. */
export interface XmlHandler {
  open(name: string, attributes: () => ReadonlyMap<string, string>): void;
  close(name: string): void;
  text(text: string): void;
}

const maxDepth = 64;
const maxMarkLength = 2 ** 16;
/** Comments, processing instructions and CDATA may be longer than tags. */
const maxSkippedLength = 2 ** 20;
const nameStart = '[A-Za-z_:\\u0080-\\uffff]';
const loneAmpersand = /&(?!(?:[a-z]+|#\d{1,7}|#x[0-9a-f]{1,6});)/i;
const startTag = new RegExp(`^<(${nameStart}[-.\\w:\\u0080-\\uffff]*)((?:\\s[^<]*)?)>$`);
const attribute = new RegExp(`\\s+(${nameStart}[-.\\w:\\u0080-\\uffff]*)\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'gy');

/**
 * Reads XML piece by piece, in memory that does not grow with the document. The only entities are XML's five
 * and numbers: a document that declares others is refused, and an external DTD is not read. Depth and length of marks
 * are bounded.
 *
 * @throws DataError (from `write` and `end`) for malformed text, naming the line
 * Source: W3C, Extensible Markup Language 1.0, fifth edition.
 */
export class XmlScanner {
  private rest = '';
  /** The current position in `rest`. */
  private at = 0;
  /** Lines before `rest`. */
  private linesDone = 0;
  private readonly openNames: string[] = [];
  private sawRoot = false;

  constructor(
    private readonly name: string,
    private readonly handler: XmlHandler,
  ) {}

  write(piece: string): void {
    this.rest += piece;
    for (this.at = 0; this.at < this.rest.length;) {
      const end = this.rest[this.at] === '<' ? this.mark(this.at) : this.characters(this.at);
      if (end === null) break;
      this.at = end;
    }
    this.linesDone += countBreaks(this.rest, this.at);
    this.rest = this.rest.slice(this.at);
    this.at = 0;
  }

  end(): void {
    if (this.rest.trim() !== '') throw this.fault('the file ends within a mark');
    if (this.openNames.length > 0) throw this.fault(`the file ends, but <${this.openNames.at(-1)}> is not closed`);
    if (!this.sawRoot) throw this.fault('there is no element');
  }

  /** @returns where the text ends; null if more has to come first */
  private characters(at: number): number | null {
    const next = this.rest.indexOf('<', at);
    let end = next < 0 ? this.rest.length : next;
    if (next < 0) {
      // a reference may continue in the next piece
      const reference = this.rest.lastIndexOf('&');
      if (reference >= at && this.rest.length - reference < 16 && !this.rest.includes(';', reference)) end = reference;
      if (end === at) return null;
    }
    this.text(this.rest.slice(at, end), true);
    return end;
  }

  private text(text: string, decode: boolean): void {
    if (this.openNames.length === 0) {
      if (/[^\s\ufeff]/.test(text))
        throw this.fault(`text outside of the document: ${JSON.stringify(text.trim().slice(0, 40))}`);
      return;
    }
    const refuse = (reference: string): never => {
      throw this.fault(`${reference} is not known; entities are not looked up`);
    };
    if (decode && loneAmpersand.test(text)) throw this.fault('a lone "&"; it must be written &amp;');
    this.handler.text(decode ? decodeReferences(text, refuse) : text);
  }

  private mark(at: number): number | null {
    const skipped = (opening: string, closing: string): number | null => {
      const end = this.rest.indexOf(closing, at + opening.length);
      if (end >= 0) return end + closing.length;
      if (this.rest.length - at > maxSkippedLength)
        throw this.fault(`what begins with ${opening} has more than ${maxSkippedLength} characters`);
      return null;
    };
    if (this.rest.length - at < 9 && '<![CDATA['.startsWith(this.rest.slice(at))) return null;
    if (this.rest.startsWith('<!--', at)) return skipped('<!--', '-->');
    if (this.rest.startsWith('<![CDATA[', at)) {
      const end = skipped('<![CDATA[', ']]>');
      if (end !== null) this.text(this.rest.slice(at + 9, end - 3), false);
      return end;
    }
    if (this.rest.startsWith('<?', at)) return skipped('<?', '?>');
    const end = endOfMark(this.rest, at);
    if (end === null) {
      if (this.rest.length - at > maxMarkLength) throw this.fault(`a mark of more than ${maxMarkLength} characters`);
      return null;
    }
    const mark = this.rest.slice(at, end);
    if (mark.startsWith('<!')) this.declaration(mark);
    else if (mark.startsWith('</')) this.closeTag(mark);
    else this.openTag(mark);
    return end;
  }

  private declaration(mark: string): void {
    if (!/^<!DOCTYPE\s/i.test(mark) || this.sawRoot)
      throw this.fault(`${JSON.stringify(mark.slice(0, 40))} does not belong here`);
    if (mark.includes('['))
      throw this.fault(
        'the document declares its own entities or elements, which are not accepted. Remove the part in brackets after <!DOCTYPE',
      );
  }

  private openTag(mark: string): void {
    const isEmpty = mark.endsWith('/>');
    const match = startTag.exec(isEmpty ? `${mark.slice(0, -2)}>` : mark);
    if (match === null) throw this.fault(`${JSON.stringify(mark.slice(0, 60))} is no tag; "<" must be written &lt;`);
    if (this.openNames.length === 0 && this.sawRoot) throw this.fault(`<${match[1]}> is after the end of the document`);
    if (this.openNames.length >= maxDepth) throw this.fault(`elements are nested deeper than ${maxDepth}`);
    this.sawRoot = true;
    this.handler.open(match[1], () => this.attributes(match[2]));
    if (isEmpty) this.handler.close(match[1]);
    else this.openNames.push(match[1]);
  }

  private attributes(text: string): Map<string, string> {
    const found = new Map<string, string>();
    let end = 0;
    for (const match of text.matchAll(attribute)) {
      found.set(match[1], decodeReferences(match[2] ?? match[3]));
      end = match.index + match[0].length;
    }
    if (text.slice(end).trim() !== '')
      throw this.fault(`${JSON.stringify(text.slice(end).trim().slice(0, 60))} is no attribute`);
    return found;
  }

  private closeTag(mark: string): void {
    const name = mark.slice(2, -1).trimEnd();
    const expected = this.openNames.pop();
    if (name !== expected)
      throw this.fault(
        `</${name.slice(0, 60)}> is where ${expected === undefined ? 'nothing is open' : `</${expected}> was expected`}`,
      );
    this.handler.close(name);
  }

  private fault(what: string): DataError {
    const line = this.linesDone + countBreaks(this.rest, this.at) + 1;
    return new DataError(`${this.name}:${line}: ${what}. It is not XML as expected.`);
  }
}

function countBreaks(text: string, end: number): number {
  let count = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < end; i = text.indexOf('\n', i + 1)) count++;
  return count;
}

/** Where a mark ends: after the first ">" outside quotes. Null if it has not arrived. */
function endOfMark(text: string, start: number): number | null {
  let quote = '';
  for (let i = start + 1; i < text.length && i - start <= maxMarkLength; i++) {
    const character = text[i];
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return i + 1;
  }
  return null;
}
