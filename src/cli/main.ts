#!/usr/bin/env node
import { systemFailure } from '../storage/systemFailure.js';

// an error while the rest is loaded (too many open files, say) is reported like other errors
try {
  const { commandLine } = await import('./commandLine.js');
  process.exitCode = await commandLine(process.argv.slice(2));
} catch (error) {
  const known = systemFailure(error);
  if (known === undefined) throw error;
  process.stderr.write(`coldstart: ${known.message} [${known.code}]\n`);
  process.exitCode = known.exitCode;
}
