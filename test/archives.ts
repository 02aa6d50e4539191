import { crc32, deflateRawSync } from 'node:zlib';

/** An entry for a test's archive: contents, or for tar another type of entry, e.g. '2' for a symbolic link. */
export interface TestEntry {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: string;
  readonly linkName?: string;
}

/** A ustar archive. */
export function tarArchive(entries: readonly TestEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = '', type = '0', linkName = '' }) => {
    const bytes = Buffer.from(content as string);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write(type, 156);
    header.write(linkName, 157);
    header.write('ustar\x0000', 257);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A zip archive of deflated files. */
export function zipArchive(entries: readonly TestEntry[], { unixMode = 0o100644 } = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const { name, content = '' } of entries) {
    const [nameBytes, bytes] = [Buffer.from(name), Buffer.from(content as string)];
    const packed = deflateRawSync(bytes);
    const common = Buffer.alloc(26); // from "version needed" to the length of the extra field
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, nameBytes, packed]);
    const rest = Buffer.alloc(14); // from the length of the comment to the place of the local header
    rest.writeUInt32LE((unixMode << 16) >>> 0, 6);
    rest.writeUInt32LE(at, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, rest, nameBytes]));
    locals.push(local);
    at += local.length;
  }
  const list = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, list, end]);
}
