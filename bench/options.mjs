// The options of a measurement, as node:util's parseArgs reads them.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

/** As parseArgs; a wrong option ends the script with one line and exit code 2. */
export function parseOptions(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${basename(process.argv[1])}: ${error.message.split('. ', 1)[0]}`);
    process.exit(2);
  }
}
