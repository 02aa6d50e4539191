import { basename } from 'node:path';
import { changeConfig, loadConfig, settingKey, type Change } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { ColdstartError, UsageError } from '../errors.js';
import { progressOutput } from '../report/progress/progressBar.js';
import { showRun, whatIsSaved } from '../report/progress/runProgress.js';
import { runPreviewText } from '../report/text/runPreviewText.js';
import { previewRun } from '../run/previewRun.js';
import { followRun, type Processes } from '../run/processes.js';
import { idleInitNotes } from '../run/idleInit.js';
import { run } from '../run/run.js';
import { keptSettings, runPaths } from '../run/runFolder.js';
import { isThere } from '../storage/isThere.js';
import { broadcastJson } from '../parallel/world.js';
import type { LearningSaved } from '../run/runEvents.js';
import { abortOnInterrupt, Interrupted } from './interrupts.js';
import type { TrainFlags } from './train.js';

/** The settings that the command line gives. */
function givenSettings(flags: TrainFlags): Change[] {
  return [
    ...flags.set,
    ...(flags.initFrom === undefined
      ? []
      : [{ option: '--init-from', change: `init.from=${JSON.stringify(flags.initFrom)}` }]),
    ...(flags.backend ? [{ option: '--backend', change: `backend=${flags.backend}` }] : []),
    ...(flags.precision ? [{ option: '--precision', change: `train.precision=${flags.precision}` }] : []),
  ];
}

const runFolderOf = ({ run: named, config }: TrainFlags): string =>
  named ?? `runs/${basename(config).replace(/\.ya?ml$/, '')}`;

/** The configuration of the run of this process alone. @throws UsageError if it cannot be used */
export function trainConfig(flags: TrainFlags): Config {
  return loadConfig(flags.config, givenSettings(flags));
}

/** The run of one process, or of several of which this is the leader. */
export async function trainLed(flags: TrainFlags, processes: Processes | undefined): Promise<void> {
  const given = givenSettings(flags);
  const runDir = runFolderOf(flags);
  const kept = flags.resume ? keptSettings(runDir, given) : [];
  // only the leader has the run's folder
  if (processes) await broadcastJson(processes.world, kept);
  const config = withBatches(loadConfig(flags.config, [...kept, ...given]), kept, flags, processes);
  for (const note of idleInitNotes(config)) console.error(note);
  if (kept.length > 0)
    console.error(`kept      ${kept.join(', ')}: set for this run earlier; --set KEY=VALUE changes it`);
  if (flags.resume && !isThere(runPaths(runDir).config))
    console.error(`resume    ${runDir} holds no run yet: this begins it`);
  let learning: LearningSaved | undefined;
  let hasStarted = false;
  const signal = abortOnInterrupt(() =>
    hasStarted ? `${whatIsSaved(learning)}; the same command with --resume continues.` : 'Nothing was started.',
  );
  const show = showRun(progressOutput());
  const { scores, alreadyComplete } = await run({
    config,
    runDir,
    resume: flags.resume === true,
    set: [...given.map(settingKey), ...(flags.batchPerWorker ? ['train.updateFreq'] : [])],
    ignoreMemory: flags.ignoreMemory,
    signal,
    processes,
    // a signal that only another process got is everybody's
    onStopAsked: () => void (signal.aborted || process.kill(process.pid, 'SIGTERM')),
    onEvent: (event) => {
      if (event.event === 'learningSaved') learning = event;
      hasStarted ||= event.event === 'start';
      show(event);
    },
  });
  if (alreadyComplete && scores.status === 'diverged')
    throw new ColdstartError(
      'DIVERGED',
      `${runDir} holds this run, and it diverged at update ${scores.diverged?.update ?? scores.updates}: ` +
        `${scores.diverged?.message ?? 'its loss was not finite'} Choose other settings and another folder with --run.`,
    );
  if (alreadyComplete) console.error(`${runDir} holds this run, complete already; nothing was done.`);
  if (flags.json) console.log(JSON.stringify(scores, null, 2));
  else if (scores.test)
    console.log(
      `BLEU ${scores.test.bleu.toFixed(2)} (${scores.test.signature}), ${scores.test.checkpoint}; ${runDir}/scores.json`,
    );
}

/** The part of a process that is not the leader: it prints nothing. */
export async function trainFollowing(flags: TrainFlags, processes: Processes): Promise<void> {
  const kept = await broadcastJson<string[]>(processes.world, undefined);
  const config = withBatches(loadConfig(flags.config, [...kept, ...givenSettings(flags)]), kept, flags, processes);
  const signal = abortOnInterrupt('', { quiet: true });
  const exitCode = (): number => (signal.reason as Interrupted).exitCode;
  let isTraining = false;
  // the leader ends the followers; one that is gone cannot, and before training there is nothing to wait for
  signal.addEventListener('abort', () => {
    if (!isTraining) process.exit(exitCode());
    setTimeout(() => process.exit(exitCode()), leaderEndsWithin).unref();
  });
  await followRun(config, processes, { signal, onTraining: () => (isTraining = true) });
  if (signal.aborted) process.exitCode = exitCode();
}

/** A leader that was asked to stop saves the run and ends its followers within so many milliseconds. */
const leaderEndsWithin = 30_000;

/**
 * The configuration with `--batch-per-worker`.
 * @param kept settings that the run keeps; a kept train.updateFreq is multiplied already, perhaps by another number of
 * processes
 */
function withBatches(
  config: Config,
  kept: readonly string[],
  { batchPerWorker }: TrainFlags,
  processes: Processes | undefined,
): Config {
  if (!batchPerWorker || kept.some((setting) => settingKey(setting) === 'train.updateFreq')) return config;
  if (processes === undefined)
    throw new UsageError(
      '--batch-per-worker multiplies train.updateFreq by the number of processes, and this is one alone. Start several with mpirun, or leave it out.',
    );
  return changeConfig(
    config,
    { 'train.updateFreq': config.train.updateFreq * processes.world.size },
    '--batch-per-worker',
  );
}

/** What the run would do, without doing it. */
export async function previewTraining(flags: TrainFlags): Promise<void> {
  const given = givenSettings(flags);
  const runDir = runFolderOf(flags);
  const { resume = false, ignoreMemory } = flags;
  const config = loadConfig(flags.config, [...(resume ? keptSettings(runDir, given) : []), ...given]);
  for (const note of idleInitNotes(config)) console.error(note);
  const preview = await previewRun({ config, runDir, resume, ignoreMemory });
  console.log(flags.json ? JSON.stringify(preview, null, 2) : runPreviewText(preview, runDir));
}
