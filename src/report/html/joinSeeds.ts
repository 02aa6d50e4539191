import { greatest as greatestOf, least as leastOf } from '../../extremes.js';
/** A quantity of an arm over updates: mean over seeds, and the least and greatest of them. */
export interface CurvePoint {
  readonly update: number;
  readonly mean: number;
  readonly least: number;
  readonly greatest: number;
  readonly seeds: number;
}

/** A quantity of one run. */
export interface Series {
  readonly update: number;
  readonly value: number | undefined | null;
}

/** Points at updates that several seeds have are joined; where there are more than `limit`, neighbours are averaged. */
export function joinSeeds(runs: readonly (readonly Series[])[], limit = 150): CurvePoint[] {
  const aligned = withSharedEnd(runs);
  const updates = new Set(aligned.flatMap((points) => points.map(({ update }) => update)));
  const last = [...updates].reduce((a, b) => Math.max(a, b), 0);
  const width = updates.size > limit ? last / limit : 0;
  const binOf = (update: number): number => (width > 0 ? Math.ceil(update / width) * width : update);
  const bins = new Map<number, Map<number, number[]>>();
  aligned.forEach((points, seed) => {
    for (const { update, value } of points) {
      if (value === undefined || value === null || !Number.isFinite(value)) continue;
      const bin = bins.get(binOf(update)) ?? new Map<number, number[]>();
      bins.set(binOf(update), bin.set(seed, [...(bin.get(seed) ?? []), value]));
    }
  });
  return [...bins]
    .sort(([a], [b]) => a - b)
    .map(([update, seeds]) => {
      const values = [...seeds.values()].map((own) => own.reduce((a, b) => a + b, 0) / own.length);
      return {
        update,
        mean: values.reduce((a, b) => a + b, 0) / values.length,
        least: leastOf(values),
        greatest: greatestOf(values),
        seeds: values.length,
      };
    });
}

/**
 * Runs whose initialisation cost a little more or less end a little earlier or later. Their last points move to the
 * mean of their ends, and points after the first of them has ended are left out: otherwise the last means would be over
 * different seeds.
 */
function withSharedEnd(runs: readonly (readonly Series[])[]): Series[][] {
  const ends = runs.map((points) => points.at(-1)?.update ?? 0);
  const isNear = (end: number): boolean => end > 0.95 * greatestOf(ends);
  const near = ends.filter(isNear);
  const [first, mean] = [leastOf(near), near.reduce((a, b) => a + b, 0) / near.length];
  return runs.map((points, i) =>
    points.length > 0 && isNear(ends[i])
      ? [...points.slice(0, -1).filter(({ update }) => update < first), { ...points[points.length - 1], update: mean }]
      : [...points],
  );
}
