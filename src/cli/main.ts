#!/usr/bin/env node
import { systemFailure } from '../storage/systemFailure.js';

// Node 22 to 24 compile their fetch's WebAssembly parser when tfjs first looks for fetch, and await it nowhere: without
// memory for it a program that fetches nothing would end. A fetch itself still fails.
process.on('unhandledRejection', (reason) => {
  if (!(reason instanceof RangeError && reason.stack?.includes('lazyllhttp'))) throw reason;
});

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
