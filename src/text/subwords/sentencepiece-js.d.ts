/** The part of sentencepiece-js that is used; the package has no types of its own. */
declare module 'sentencepiece-js' {
  export class SentencePieceProcessor {
    load(modelPath: string): Promise<void>;
    encodePieces(text: string): string[];
  }
}
