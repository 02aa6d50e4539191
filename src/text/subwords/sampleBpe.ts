import { Bpe } from './bpe.js';
import { endOfWord, type BpeCodes } from './bpeCodes.js';
import { defaultJoiner } from './joiner.js';
import { unknownUnit, type UnitSampler } from './unitSampling.js';

/**
 * Splits words again with merges left out. A word with an unknown unit stays as it is.
 * @param dropout the probability of leaving out a merge; 0 gives the usual units
 */
export function bpeSampler(model: Bpe, dropout: number): UnitSampler {
  return (units, random) => {
    const sampled: string[] = [];
    let from = 0;
    for (let i = 0; i < units.length; i++) {
      const isContinued = units[i].endsWith(defaultJoiner) && i + 1 < units.length;
      if (isContinued) continue;
      const word = units.slice(from, i + 1);
      from = i + 1;
      const split = word.includes(unknownUnit)
        ? word
        : model.segment(textOf(word), dropout > 0 ? { probability: dropout, random } : undefined);
      for (const unit of split) sampled.push(unit);
    }
    return sampled;
  };
}

/** The word that units make up; all but the last end with the joiner. */
function textOf(units: readonly string[]): string {
  let text = '';
  for (let i = 0; i + 1 < units.length; i++) text += units[i].slice(0, -defaultJoiner.length);
  return text + units[units.length - 1];
}

/**
 * The units that words can be split into: what merges give, and characters.
 *
 * @param seen units of the training set
 * @param filter units outside it are split further, where they can be
 * @param hasGlossaries words are cut at them, so a unit that ends a stretch can be continued
 */
export function bpeUnits(
  { endOfWordAttached, halves, ranks }: BpeCodes,
  seen: Iterable<string>,
  { filter, hasGlossaries }: { readonly filter?: ReadonlySet<string>; readonly hasGlossaries: boolean },
): Set<string> {
  const units = new Set<string>();
  const add = (unit: string): void => {
    if (unit === '') return;
    units.add(unit);
    const isContinued = unit.length > defaultJoiner.length && unit.endsWith(defaultJoiner);
    const characters = Array.from(isContinued ? unit.slice(0, -defaultJoiner.length) : unit);
    characters.forEach((character, i) => {
      const isLast = i === characters.length - 1;
      if (!isLast || isContinued) units.add(character + defaultJoiner);
      else units.add(character);
    });
  };
  for (const unit of seen) add(unit);
  const symbols = new Set(halves.keys());
  for (const merge of ranks.keys()) for (const symbol of merge.split(' ')) symbols.add(symbol);
  for (const symbol of symbols) {
    const isFinal = symbol.endsWith(endOfWord);
    const text = isFinal ? symbol.slice(0, -endOfWord.length) : symbol;
    const forms = [
      ...(isFinal || !endOfWordAttached ? [text] : []),
      ...(!isFinal || hasGlossaries ? [text + defaultJoiner] : []),
    ];
    for (const form of forms) if (filter === undefined || filter.size === 0 || filter.has(form)) add(form);
  }
  return units;
}
