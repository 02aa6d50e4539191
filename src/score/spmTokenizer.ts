import { SentencePiece } from '../text/subwords/sentencePiece.js';
import { bleu } from './bleu.js';
import type { BleuTokenizer } from './bleuTokenizers.js';

/**
 * A tokeniser that splits by a SentencePiece model, as sacreBLEU's `flores101` and `flores200` do (Goyal et al. 2022).
 * The model is not part of coldstart; a tokeniser named `flores200` must be given that model.
 *
 * @param name as in the signature's `tok` field
 * @param lines every line that will be scored: segmentation runs beforehand
 * @throws DataError if the model cannot be read
 */
export async function spmTokenizer(
  modelPath: string,
  name: string,
  lines: readonly string[],
  lowercase = false,
): Promise<BleuTokenizer> {
  // the lines in the form that BLEU passes to its tokeniser
  const { preprocess } = bleu({ tokenize: 'none', lowercase });
  const distinct = [...new Set(lines.map(preprocess))];
  const model = await SentencePiece.open(modelPath);
  try {
    const pieces = await model.encode(distinct);
    const segmented = new Map(distinct.map((line, i) => [line, pieces[i].join(' ')]));
    return {
      name,
      tokenize(line) {
        const found = segmented.get(line);
        if (found === undefined) throw new RangeError(`line was not among those segmented: ${line}`);
        return found;
      },
    };
  } finally {
    await model.close();
  }
}
