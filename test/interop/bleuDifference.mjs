import { NumpyRandom } from '../../dist/src/random/numpyRandom.js';
import { corpusStatistics } from '../../dist/src/score/metric.js';
import { confidenceOf, drawResamples, resampledScores } from '../../dist/src/score/significance.js';
import { tokenisedBleu } from '../../dist/src/score/tokenisedBleu.js';

/**
 * BLEU of other translations of the same lines, less that of the first ones. A few hundred lines of a small model leave
 * half a point of noise, so a difference comes with its 95 % interval by paired bootstrap resampling (Koehn 2004).
 *
 * @returns bleu of the first ones, difference, and margin: half of the interval
 */
export function bleuDifference(first, other, references) {
  const metric = tokenisedBleu();
  const systems = [first, other].map((lines) => corpusStatistics(metric, lines, [references]));
  const each = Uint32Array.from(first, (_, i) => i);
  const [bleu, ofOther] = systems.map((system) => resampledScores(metric, system, each)[0]);
  const resamples = drawResamples(first.length, 1000, new NumpyRandom(12345));
  const [scores, otherScores] = systems.map((system) => resampledScores(metric, system, resamples));
  const { ci: margin } = confidenceOf(otherScores.map((score, i) => score - scores[i]));
  return { bleu, difference: ofOther - bleu, margin };
}
