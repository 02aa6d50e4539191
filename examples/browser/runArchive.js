// The folder of a run as a tar archive, for `coldstart train --resume`.
import { checkpointBytes, sha256 } from 'coldstart/browser';

const blockSize = 512;

/** @returns the archive's bytes */
export function runArchive(folder, { arm, store, log, report }) {
  const encoder = new TextEncoder();
  const files = [
    ...Object.entries(arm.files).map(([name, text]) => [name, [encoder.encode(text)]]),
    ['log.jsonl', [encoder.encode(log.map((line) => `${JSON.stringify(line)}\n`).join(''))]],
    ...(report ? [['gradinit.json', [encoder.encode(`${JSON.stringify(report)}\n`)]]] : []),
    ...[...store.checkpoints].map(([name, checkpoint]) => [`checkpoints/${name}`, checkpointBytes(checkpoint, sha256)]),
  ];
  const parts = files.flatMap(([name, content]) => {
    const size = content.reduce((sum, { length }) => sum + length, 0);
    return [header(`${folder}/${name}`, size), ...content, new Uint8Array(-size & (blockSize - 1))];
  });
  parts.push(new Uint8Array(2 * blockSize));
  const archive = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive.buffer;
}

/** Format: POSIX.1-1988 (ustar). Names here are short. */
function header(name, size) {
  const block = new Uint8Array(blockSize);
  const write = (at, text) => block.set(new TextEncoder().encode(text), at);
  const octal = (value, digits) => `${value.toString(8).padStart(digits, '0')}\0`;
  write(0, name);
  write(100, octal(0o644, 7));
  write(108, octal(0, 7));
  write(116, octal(0, 7));
  write(124, octal(size, 11));
  write(136, octal(Math.floor(Date.now() / 1000), 11));
  write(148, ' '.repeat(8)); // counts as spaces in its own sum
  write(156, '0');
  write(257, 'ustar\0' + '00');
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, `${octal(sum, 6)} `);
  return block;
}
