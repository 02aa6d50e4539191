import { hashFactor, WordTable } from '../wordTable.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/**
 * Counts words of text in UTF-8 as subword-nmt reads them: ASCII spaces separate them, carriage returns at the ends of
 * a line belong to no word. Known words are not cut out of the text, which would take most of the time.
 */
export class WordCounter {
  private readonly table = new WordTable<number>();
  private counts = new Float64Array(2 ** 12);

  /** @param bytes lines of valid UTF-8, with line feeds between them */
  add(bytes: Buffer): void {
    for (let lineStart = 0; lineStart < bytes.length;) {
      let lineEnd = bytes.indexOf(lineFeed, lineStart);
      if (lineEnd < 0) lineEnd = bytes.length;
      this.addLine(bytes, lineStart, lineEnd);
      lineStart = lineEnd + 1;
    }
  }

  private addLine(bytes: Buffer, start: number, end: number): void {
    while (start < end && isAtEnds(bytes[start])) start++;
    while (start < end && isAtEnds(bytes[end - 1])) end--;
    while (start < end) {
      let hash = 0;
      let wordEnd = start;
      for (let byte; wordEnd < end && (byte = bytes[wordEnd]) !== space; wordEnd++)
        hash = (Math.imul(hash, hashFactor) + byte) | 0;
      if (wordEnd > start) this.addWord(bytes, start, wordEnd, hash);
      start = wordEnd + 1;
    }
  }

  private addWord(bytes: Buffer, start: number, end: number, hash: number): void {
    const known = this.table.find(bytes, start, end, hash);
    if (known !== undefined) {
      this.counts[known]++;
      return;
    }
    const { size } = this.table;
    if (size === this.counts.length) {
      const larger = new Float64Array(2 * size);
      larger.set(this.counts);
      this.counts = larger;
    }
    this.counts[size] = 1;
    this.table.add(size, bytes, start, end, hash);
  }

  /** In order of first appearance. @param counts added to */
  addTo(counts: Map<string, number>): Map<string, number> {
    let i = 0;
    for (const word of this.table.words()) counts.set(word, (counts.get(word) ?? 0) + this.counts[i++]);
    return counts;
  }
}

function isAtEnds(byte: number): boolean {
  return byte === space || byte === carriageReturn;
}
