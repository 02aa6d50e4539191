import { Command } from 'commander';

export function buildNativeCommand(): Command {
  return new Command('build-native')
    .description(
      'Builds the native engine, on which training is about ten times as fast as on wasm. Compiles only what has changed.',
    )
    .option(
      '--onednn <dir>',
      "folder of oneDNN, with include/ and lib/ (default: ONEDNN_ROOT, or the system's, or conda's)",
    )
    .option('--compiler <program>', 'C++ compiler (default: CXX, or g++, or clang++)')
    .addHelpText(
      'after',
      `
It needs a C++ compiler (GCC 11 or clang 14 with libomp, or later) and oneDNN 2 or 3 with OpenMP threads; nothing is downloaded.
  Debian, Ubuntu   apt-get install g++ libdnnl-dev
  conda            the oneDNN of the active environment is found, if the system has none
  MPI              where mpicxx is installed (apt-get install libopenmpi-dev openmpi-bin), the addon for mpirun is built too
  PyPI             pip install onednn-devel-cpu-gomp, then --onednn "$(python3 -c 'import sys; print(sys.prefix)')"
The engine is written into the package's folder, or, where that cannot be written, into the user's cache (XDG_CACHE_HOME or
~/.cache, coldstart/native). A oneDNN that is named must stay where it is: the engine loads it from there.

Examples:
  coldstart build-native
  coldstart build-native --onednn /opt/onednn-3.2
  CXX=clang++ coldstart build-native`,
    )
    .action(async (flags: { onednn?: string; compiler?: string }) => {
      const [{ buildEngine }, { loadNative }, { buildMpi, findMpi }] = await Promise.all([
        import('../backend/native/build/buildEngine.js'),
        import('../backend/native/loadNative.js'),
        import('../parallel/buildMpi.js'),
      ]);
      const { path, toolchain, compiled } = await buildEngine(
        { compiler: flags.compiler, oneDnn: flags.onednn },
        (name, number, count) => console.error(`native engine: compiling ${name} (file ${number} of ${count})`),
      );
      console.log(`${path}: ${compiled === 0 ? 'nothing had changed' : `built with ${toolchain.compilerVersion}`}.`);
      console.log(`native engine: ${loadNative()}.`);
      if (findMpi() === undefined && !process.env['MPICXX']) return;
      const mpi = buildMpi();
      console.log(`${mpi.path}: ${mpi.compiled ? `built with ${findMpi()}` : 'nothing had changed'}.`);
    });
}
