import { formatGigabytes } from '../../format.js';
import { isTight, stagesText, type MemoryReport } from '../../run/checkMemory.js';

/** The memory that a run needs, and the available memory. */
export function memoryLine(report: MemoryReport): string {
  const tight = isTight(report) ? ': this may not be enough' : '';
  return `memory    about ${formatGigabytes(report.needed)} (${stagesText(report)}), ${formatGigabytes(report.available)} are available${tight}`;
}
