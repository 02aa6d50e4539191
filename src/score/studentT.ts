/**
 * Two-sided p-value of Student's t distribution: the probability of |T| at least |t|.
 * @param degrees of freedom, an integer of at least 1
 * Source: the finite sums of Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
 */
export function studentTwoSided(t: number, degrees: number): number {
  if (!Number.isFinite(t)) return Number.isNaN(t) ? NaN : 0;
  const cosine2 = degrees / (degrees + t * t);
  const cosine = Math.sqrt(cosine2);
  const sine = Math.sqrt(1 - cosine2);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cosine2 * (k - 1)) / k;
    sum += term;
  }
  const inside = isOdd ? (2 / Math.PI) * (Math.atan2(Math.abs(t), Math.sqrt(degrees)) + sine * sum) : sine * sum;
  return Math.max(0, 1 - inside);
}
