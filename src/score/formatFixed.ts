/**
 * A number with fixed decimals as Python and C print it: exact ties go to the even digit. `toFixed` rounds them up
 * (0.125 gives 0.13 there, 0.12 here).
 */
export function formatFixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  // a double exactly halfway has all its decimals within the 100 that toFixed can show
  const rest = value.toFixed(100).split('.')[1]?.slice(decimals) ?? '';
  if (!/^50*$/.test(rest) || decimals > 50) return text;
  const lastDigit = Number(text.at(-1));
  if (lastDigit % 2 === 0) return text;
  return (value - (Math.sign(value) * 10 ** -decimals) / 4).toFixed(decimals);
}
