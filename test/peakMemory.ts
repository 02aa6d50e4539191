import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Preloaded into the processes of a job under mpirun: each writes its largest resident memory, in bytes, to a file of
 * PEAK_FOLDER named by its rank.
 */
const { PEAK_FOLDER: folder = '', OMPI_COMM_WORLD_RANK: rank = '0' } = process.env;
process.on('exit', () => writeFileSync(join(folder, rank), String(1024 * process.resourceUsage().maxRSS)));
