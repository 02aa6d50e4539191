/** The part of sentencepiece-js that is used; the package has no types. */
declare module 'sentencepiece-js' {
  export class SentencePieceProcessor {
    load(modelPath: string): Promise<void>;
    encodePieces(text: string): string[];
  }
}
