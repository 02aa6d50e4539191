import { studentTwoSided } from '../score/studentT.js';
import { cellName, type AxisValue, type Cell, type PlannedArm } from './ablationPlan.js';
import { isStuck, type RunScores } from '../run/runScores.js';
import type { ArmComparison } from './compareArms.js';

/** Mean over the seeds that have the number; the standard error needs two. */
export interface Estimate {
  readonly mean: number;
  readonly standardError?: number;
  readonly count: number;
}

/** An arm in one cell of the grid, over seeds. Means are over runs that finished. */
export interface CellResults {
  readonly cell: Cell;
  /** As in folder names: `train.lr=0.001,train.beta2=0.98`; empty without a grid. */
  readonly name: string;
  readonly runs: number;
  /** Finished or diverged. */
  readonly complete: number;
  /** Ended in infinite or undefined numbers. */
  readonly diverged: number;
  /** Finished, but the best validation is no better than token frequencies (`unigramNll` of the scores). */
  readonly stuck: number;
  readonly firstEpochLoss?: Estimate;
  readonly firstEpochBleu?: Estimate;
  /** Of the best validation. */
  readonly validLoss?: Estimate;
  readonly validPerplexity?: Estimate;
  readonly validBleu?: Estimate;
  /** Of the last validation. */
  readonly finalLoss?: Estimate;
  /** Of the parameters that `decode.checkpoint` names. */
  readonly testBleu?: Estimate;
  readonly testChrf?: Estimate;
  /** Of the best validation, of the averaged epochs, and of the one of the two with the better validation. */
  readonly testBleuBest?: Estimate;
  readonly testBleuAverage?: Estimate;
  readonly testBleuSelected?: Estimate;
  /** Test BLEU above the baseline's (in its own selected cell), over the seeds that both have. */
  readonly testBleuDifference?: Estimate;
  /**
   * p of that difference over the seeds (paired t-test, two-sided): whether other seeds would differ too. From two
   * seeds on.
   */
  readonly seedsPValue?: number;
  /** Initialisation and training by wall clock, over all complete runs; and initialisation separately. */
  readonly seconds?: Estimate;
  readonly initSeconds?: Estimate;
  /** Updates that initialisation cost, as `train.countInit` counts them. */
  readonly initUpdates?: Estimate;
  /** Updates of training itself. */
  readonly updates?: Estimate;
  /** Target tokens, those of initialisation included. */
  readonly trgTokens?: Estimate;
  /** Against the baseline; only if requested. */
  readonly comparison?: ArmComparison;
}

export interface ArmResults extends PlannedArm {
  readonly cells: readonly CellResults[];
  /**
   * Index of the cell with the lowest mean of best validation losses, among cells whose runs all finished if there are
   * any, else among those with complete runs.
   */
  readonly selected: number;
}

export interface AblationResults {
  readonly baseline: string;
  readonly seeds: readonly number[];
  readonly axes: readonly { readonly key: string; readonly values: readonly AxisValue[] }[];
  /** BLEU's and chrF's signature; undefined until a run has a score. */
  readonly signature?: string;
  readonly chrfSignature?: string;
  readonly backends: readonly string[];
  readonly arms: readonly ArmResults[];
}

/** A run's state so far. */
export interface RunOutcome {
  readonly arm: string;
  readonly cell: Cell;
  readonly seed: number;
  /** Absent until the run is complete. */
  readonly scores?: RunScores;
}

/** The results of an ablation's runs so far. */
export function summarizeAblation(
  {
    baseline,
    seeds,
    axes,
    arms,
  }: Pick<AblationResults, 'baseline' | 'seeds' | 'axes'> & { readonly arms: readonly PlannedArm[] },
  runs: readonly RunOutcome[],
): AblationResults {
  const cells = new Map(runs.map(({ cell }) => [cellName(cell), cell]));
  const inCell = (arm: string, cell: string): RunOutcome[] =>
    runs.filter((run) => run.arm === arm && cellName(run.cell) === cell);
  const summarized = arms.map((arm) => {
    const own = [...cells].map(([name, cell]) => summarizeCell(name, cell, inCell(arm.name, name)));
    return { ...arm, cells: own, selected: selectCell(own) };
  });
  const reference = summarized.find(({ name }) => name === baseline)!;
  const referenceCell = reference.cells[reference.selected];
  const referenceBleu = testBleus(inCell(baseline, referenceCell.name));
  const tested = runs.find(({ scores }) => scores?.test)?.scores?.test;
  return {
    baseline,
    seeds,
    axes,
    signature: tested?.signature,
    chrfSignature: tested?.chrfSignature,
    backends: [...new Set(runs.flatMap(({ scores }) => (scores ? [scores.backend] : [])))],
    arms: summarized.map((arm) =>
      arm.name === baseline
        ? arm
        : {
            ...arm,
            cells: arm.cells.map((cell) => {
              const pairs = [...testBleus(inCell(arm.name, cell.name))].flatMap(([seed, bleu]) =>
                referenceBleu.has(seed) ? [bleu - referenceBleu.get(seed)!] : [],
              );
              const difference = estimate(pairs);
              return {
                ...cell,
                testBleuDifference: difference,
                ...(difference?.standardError !== undefined &&
                  hasLearned(cell) &&
                  hasLearned(referenceCell) && { seedsPValue: pairedTTest(difference) }),
              };
            }),
          },
    ),
  };
}

function summarizeCell(name: string, cell: Cell, runs: readonly RunOutcome[]): CellResults {
  const complete = runs.flatMap(({ scores }) => (scores ? [scores] : []));
  const finished = complete.filter(({ status }) => status === 'finished');
  const over = (number: (scores: RunScores) => number | undefined): Estimate | undefined =>
    estimate(finished.map(number));
  const bleuOf = ({ tests }: RunScores, wanted: string | undefined): number | undefined =>
    tests?.find(({ use }) => use === wanted)?.bleu;
  return {
    name,
    cell,
    runs: runs.length,
    complete: complete.length,
    diverged: complete.length - finished.length,
    stuck: finished.filter(isStuck).length,
    firstEpochLoss: over(({ firstEpoch }) => firstEpoch?.loss),
    firstEpochBleu: over(({ firstEpoch }) => firstEpoch?.bleu),
    validLoss: over(({ best }) => best?.loss),
    validPerplexity: over(({ best }) => best?.perplexity),
    validBleu: over(({ best }) => best?.bleu),
    finalLoss: over(({ last }) => last?.loss),
    testBleu: over(({ test }) => test?.bleu),
    testChrf: over(({ test }) => test?.chrf),
    testBleuBest: over((scores) => bleuOf(scores, 'best')),
    testBleuAverage: over((scores) => bleuOf(scores, 'average')),
    testBleuSelected: over((scores) => bleuOf(scores, scores.selected)),
    seconds: estimate(complete.map(({ trainSeconds, initSeconds }) => trainSeconds + initSeconds)),
    initSeconds: estimate(complete.map(({ initSeconds }) => initSeconds)),
    initUpdates: estimate(complete.map(({ init }) => init?.updateEquivalents ?? 0)),
    updates: estimate(complete.map(({ updates }) => updates)),
    trgTokens: estimate(complete.map(({ trgTokens, init }) => trgTokens + (init?.trgTokens ?? 0))),
  };
}

/** Whether a run of a cell has learned to use context: without one, a test says nothing of its translations. */
export function hasLearned({ complete, diverged, stuck }: CellResults): boolean {
  return complete - diverged > stuck;
}

function selectCell(cells: readonly CellResults[]): number {
  const sound = cells.filter(({ diverged, validLoss }) => diverged === 0 && validLoss !== undefined);
  const complete = cells.filter((cell) => cell.complete > 0);
  const candidates = [sound, complete, cells].find(({ length }) => length > 0)!;
  const loss = ({ validLoss }: CellResults): number => validLoss?.mean ?? Infinity;
  return cells.indexOf(candidates.reduce((best, cell) => (loss(cell) < loss(best) ? cell : best)));
}

function testBleus(runs: readonly RunOutcome[]): Map<number, number> {
  return new Map(runs.flatMap(({ seed, scores }) => (scores?.test ? [[seed, scores.test.bleu] as const] : [])));
}

/** Two-sided p-value of a mean of paired differences. */
function pairedTTest({ mean, standardError, count }: Estimate): number {
  return mean === 0 ? 1 : studentTwoSided(mean / standardError!, count - 1);
}

/** Mean and standard error of the mean (sample deviation over sqrt n); undefined without numbers. */
export function estimate(found: readonly (number | undefined)[]): Estimate | undefined {
  const values = found.filter((value) => value !== undefined);
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  if (count === 1) return { mean, count };
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / (count - 1);
  return { mean, standardError: Math.sqrt(variance / count), count };
}
