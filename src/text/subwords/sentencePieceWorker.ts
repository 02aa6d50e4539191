/**
 * The thread in which sentencepiece-js runs. The package installs process-wide handlers for exceptions and may end the
 * process; in a separate thread both stay here.
 */
import { parentPort, workerData } from 'node:worker_threads';

// the package decodes pieces with the default decoder, which drops U+FEFF where a piece begins with it
globalThis.TextDecoder = class extends TextDecoder {
  constructor(encoding?: string, options?: ConstructorParameters<typeof TextDecoder>[1]) {
    super(encoding, { ignoreBOM: true, ...options });
  }
};
const { SentencePieceProcessor } = await import('sentencepiece-js');

const port = parentPort!;
const processor = new SentencePieceProcessor();
await processor.load((workerData as { modelPath: string }).modelPath);
port.on('message', ({ id, lines }: { id: number; lines: readonly string[] }) => {
  port.postMessage({ id, pieces: lines.map((line) => processor.encodePieces(line)) });
});
port.postMessage('ready');
