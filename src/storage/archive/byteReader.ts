import { DataError } from '../../errors.js';

/** Takes a stream of bytes apart into pieces of asked size. */
export class ByteReader {
  private readonly source: AsyncIterator<Buffer>;
  private current: Buffer = Buffer.alloc(0);

  constructor(
    source: AsyncIterable<Buffer>,
    private readonly name: string,
  ) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** The next bytes in one piece; null at the end. @throws DataError if the stream ends within them */
  async read(length: number): Promise<Buffer | null> {
    const pieces: Buffer[] = [];
    for await (const piece of this.stream(length, true)) pieces.push(piece);
    return pieces.length === 0 && length > 0 ? null : Buffer.concat(pieces);
  }

  /**
   * The next available bytes. @param mayEnd whether the stream may end before them @throws DataError if it ends within
   * them
   */
  async *stream(length: number, mayEnd = false): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.current.length === 0) {
        const { done, value } = await this.source.next();
        if (done) {
          if (mayEnd && left === length) return;
          throw new DataError(`${this.name} ends within an entry: it is damaged or not complete.`);
        }
        this.current = value;
        continue;
      }
      const piece = this.current.subarray(0, left);
      this.current = this.current.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** @throws DataError if there are more bytes than `maxBytes` */
  async skipToEnd(maxBytes: number): Promise<void> {
    for (let left = maxBytes - this.current.length; left >= 0;) {
      const { done, value } = await this.source.next();
      if (done) return;
      left -= value.length;
    }
    throw new DataError(`${this.name} continues for more than ${maxBytes} bytes after its end.`);
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }
}
