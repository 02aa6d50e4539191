/** Seconds as "4.2s", "3m07s", "2h05m" or, from two days on, "3d04h"; "?" where they are no number. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`;
  const hours = Math.floor(whole / 3600);
  if (hours >= 48) return `${Math.floor(hours / 24)}d${twoDigits(hours % 24)}h`;
  return `${hours}h${twoDigits(Math.floor((whole % 3600) / 60))}m`;
}

/**
 * A learning rate, norm or similar number with this many significant digits: "0.005", "4.12e-7", "33.1". Whole digits
 * are kept where it has more of them: "54321"; from 100 on it has at least four: "148.4".
 */
export function formatNumber(value: number, digits = 3): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5)
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  return String(Number(value.toPrecision(Math.max(digits, size >= 1e4 ? 5 : size >= 100 ? 4 : 0))));
}

/**
 * A loss, scale or similar number with this many decimals: "4.310"; one that grew out of bounds, or that these decimals
 * would show as 0, as `formatNumber` shows it: "1.93e23", "2.1e-5".
 */
export function formatLoss(value: number | string, decimals = 3): string {
  if (typeof value === 'string') return value; // "NaN" and "Infinity", which JSON has no numbers for
  const size = Math.abs(value);
  const isShown = size === 0 || (size >= 0.5 * 10 ** -decimals && size < 1e5);
  return isShown ? value.toFixed(decimals) : formatNumber(value);
}

/** A file's name as a shell takes it. */
export function shellWord(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}

/** Bytes in GB of 2^30 bytes: "8.4 GB", below one "0.35 GB". */
export function formatGigabytes(bytes: number): string {
  const gigabytes = bytes / 2 ** 30;
  return `${gigabytes.toFixed(gigabytes < 0.995 ? 2 : 1)} GB`;
}
