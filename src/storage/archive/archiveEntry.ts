/** One entry of an archive. `other`: links, devices and everything else that is not a file or folder. */
export interface ArchiveEntry {
  /** As the archive spells it: not to be trusted. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'other';
  /** Bytes of the file. */
  readonly bytes: number;
  /** The file's bytes; to be read, if at all, before the next entry is asked for. */
  content(): AsyncIterable<Buffer>;
}

/** More entries than any corpus has; an archive with more is refused while its list is read. */
export const maxEntries = 100_000;
