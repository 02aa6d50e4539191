import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { fileIdentity, fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import { jsonAny, jsonObject, jsonRecord, readJsonFile, writeJsonFile } from '../../storage/jsonFile.js';
import { removeStaleParts } from '../../storage/staleParts.js';
import { version as programVersion } from '../../package.js';
import { PartPool, type NumberedJob, type PartResult } from './partPool.js';
import { scratch } from './parts.js';
import { makeFolder } from '../../storage/makeFolder.js';
import {
  areIntact,
  keyChanges,
  outputsDigest,
  readStageManifest,
  stageFormat,
  stageKeyShape,
  stageManifestFile,
  type Stage,
  type StageContext,
  type StageKey,
  type StageManifest,
} from './stage.js';

/** The plan for a stage in this run, and the reasons. */
export interface StagePlan {
  readonly stage: string;
  /** `keep`: its result is still right. `resume`: part of the work is done. */
  readonly action: 'keep' | 'run' | 'resume';
  /** One line each; empty for `keep`. */
  readonly reasons: readonly string[];
}

export interface StageProgress {
  readonly stage: string;
  /** The number of the stage, from 1, and the number of stages. */
  readonly number: number;
  readonly numStages: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** The work done for a stage. */
export interface StageOutcome extends StagePlan {
  readonly seconds: number;
  readonly report: unknown;
}

/** Size and SHA-256 of files, by path. */
export type FileIdentities = ReadonlyMap<string, FileIdentity>;

/** Key of the unfinished work, stored next to the finished parts. */
const begunFile = 'begun.json';
const partRecord = /^part-.*\.json$/;
const program = `coldstart ${programVersion}`;

/**
 * Says what `runStages` would do.
 * @param identities checksums of the user's files, by path
 * @returns a plan for each stage; a stage after one that runs is expected to run
 */
export function planStages(workFolder: string, stages: readonly Stage[], identities: FileIdentities): StagePlan[] {
  const plans: StagePlan[] = [];
  const digests = new Map<Stage, string>();
  for (const stage of stages) {
    const folder = join(workFolder, stage.name);
    const running = stage.needs.filter((need) => !digests.has(need));
    if (running.length > 0) {
      plans.push({
        stage: stage.name,
        action: 'run',
        reasons: [`after ${running.map(({ name }) => name).join(', ')}`],
      });
      continue;
    }
    const plan = decide(stage.name, folder, keyOf(stage, digests, identities));
    if (plan.action === 'keep') digests.set(stage, outputsDigest(readStageManifest(folder)!));
    plans.push(plan);
  }
  return plans;
}

/**
 * Runs stages in order, each only if something it depends on has changed. After a kill at any moment, it resumes
 * with the missing parts; the result does not depend on the moment of the kill or the number of workers.
 *
 * @param identities checksums of the user's files, by path
 * @returns the work done, and the folders of the results
 */
export async function runStages(
  workFolder: string,
  stages: readonly Stage[],
  identities: FileIdentities,
  { workers, onProgress }: { workers: number; onProgress?: (progress: StageProgress) => void },
): Promise<{ outcomes: StageOutcome[]; result: StageContext['result'] }> {
  const runner = new StageRunner(workFolder, stages, identities, workers, onProgress);
  try {
    const outcomes: StageOutcome[] = [];
    for (const stage of stages) outcomes.push(await runner.bring(stage));
    return { outcomes, result: runner.result };
  } finally {
    await runner.close();
  }
}

class StageRunner {
  private readonly pool: PartPool;
  private readonly manifests = new Map<Stage, StageManifest>();
  private readonly digests = new Map<Stage, string>();
  /** Stages whose files were verified. */
  private readonly intact = new Set<Stage>();

  constructor(
    private readonly workFolder: string,
    private readonly stages: readonly Stage[],
    private readonly identities: FileIdentities,
    workers: number,
    private readonly onProgress?: (progress: StageProgress) => void,
  ) {
    this.pool = new PartPool(workers);
  }

  readonly result = <Report>(stage: Stage<Report>): { folder: string; report: Report } => ({
    folder: this.folderOf(stage),
    report: this.manifests.get(stage)!.report as Report,
  });

  /** Ensures that the stage's result exists. The results of the stages before it exist already. */
  async bring(stage: Stage): Promise<StageOutcome> {
    const folder = this.folderOf(stage);
    const key = keyOf(stage, this.digests, this.identities);
    const plan = decide(stage.name, folder, key);
    if (plan.action === 'keep') {
      this.manifests.set(stage, readStageManifest(folder)!);
      this.onProgress?.({ ...this.placeOf(stage), done: 1, total: 1, unit: 'kept' });
    } else await this.carryOut(stage, key);
    const manifest = this.manifests.get(stage)!;
    this.digests.set(stage, outputsDigest(manifest));
    return { ...plan, seconds: plan.action === 'keep' ? 0 : manifest.seconds, report: manifest.report };
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private folderOf(stage: Stage): string {
    return join(this.workFolder, stage.name);
  }

  private async carryOut(stage: Stage, key: StageKey): Promise<void> {
    for (const need of stage.needs) await this.repair(need);
    const place = this.placeOf(stage);
    this.onProgress?.({ ...place, done: 0, total: 1, unit: 'step' }); // its count is known only later
    let shown = false;
    const progress: StageContext['progress'] = (done, total, unit) => {
      shown = true;
      this.onProgress?.({ ...place, done, total, unit });
    };
    this.manifests.set(stage, await carryOut(stage, this.folderOf(stage), key, this.pool, this.result, progress));
    if (!shown) progress(1, 1, 'step'); // the count of stages has no gap
    this.intact.add(stage);
  }

  private placeOf(stage: Stage): Pick<StageProgress, 'stage' | 'number' | 'numStages'> {
    return { stage: stage.name, number: this.stages.indexOf(stage) + 1, numStages: this.stages.length };
  }

  /** Called before a kept result is read: if its files have changed, they are made again with the same result. */
  private async repair(stage: Stage): Promise<void> {
    if (this.intact.has(stage)) return;
    const folder = this.folderOf(stage);
    if (await areIntact(folder, this.manifests.get(stage)!.outputs)) this.intact.add(stage);
    else await this.carryOut(stage, keyOf(stage, this.digests, this.identities));
  }
}

function keyOf(stage: Stage, digests: ReadonlyMap<Stage, string>, identities: FileIdentities): StageKey {
  const files = Object.fromEntries(
    Object.entries(stage.files ?? {}).map(([role, path]) => [role, identities.get(path)!]),
  );
  return {
    stage: stage.name,
    version: stage.version,
    program,
    settings: JSON.parse(JSON.stringify(stage.settings)) as StageKey['settings'], // in the form in which it will be read
    files,
    needs: Object.fromEntries(stage.needs.map((need) => [need.name, digests.get(need)!])),
  };
}

function decide(stage: string, folder: string, key: StageKey): StagePlan {
  const made = readStageManifest(folder);
  if (made) {
    const reasons = keyChanges(made, key);
    return { stage, action: reasons.length === 0 ? 'keep' : 'run', reasons };
  }
  if (isBegun(folder, key)) {
    const done = readdirSync(folder).filter((name) => partRecord.test(name)).length;
    return { stage, action: 'resume', reasons: [`broken off with ${done} ${done === 1 ? 'part' : 'parts'} done`] };
  }
  return {
    stage,
    action: 'run',
    reasons: [existsSync(join(folder, stageManifestFile)) ? 'its files are missing or damaged' : 'not done yet'],
  };
}

function isBegun(folder: string, key: StageKey): boolean {
  try {
    return (
      keyChanges(
        readJsonFile<StageKey>(join(folder, begunFile), {
          what: 'stage under way',
          shape: stageKeyShape,
          advice: 'It is done again.',
        }),
        key,
      ).length === 0
    );
  } catch {
    return false;
  }
}

async function carryOut(
  stage: Stage,
  folder: string,
  key: StageKey,
  pool: PartPool,
  result: StageContext['result'],
  progress: StageContext['progress'],
): Promise<StageManifest> {
  const started = new Date();
  if (readStageManifest(folder) || !isBegun(folder, key)) {
    rmSync(folder, { recursive: true, force: true });
    makeFolder(folder);
    writeJsonFile(join(folder, begunFile), key, scratch);
  }
  removeStaleParts(folder);
  const known: Record<string, FileIdentity> = {};
  const eachPart = async (
    task: Parameters<StageContext['eachPart']>[0],
    settings: object,
    jobs: readonly Job[] | AsyncIterable<Job>,
    weight: (job: never) => number = () => 1,
  ): Promise<unknown[]> => {
    const results: PartResult[] = [];
    const weights = Array.isArray(jobs) ? (jobs as Job[]).map((job) => weight(job as never)) : [];
    const total = weights.reduce((sum, each) => sum + each, 0);
    let done = 0;
    const keep = (index: number, made: PartResult): void => {
      results[index] = made;
      if (!Array.isArray(jobs)) return;
      done += weights[index];
      progress(done, total, 'pairs');
    };
    async function* missing(): AsyncGenerator<NumberedJob> {
      let index = 0;
      for await (const job of jobs) {
        const made = await readPartRecord(folder, job.name);
        if (made) keep(index, made);
        else yield { index, job };
        index++;
      }
    }
    if (Array.isArray(jobs)) progress(done, total, 'pairs');
    await pool.run({ task, settings, folder }, missing(), ({ index, job }, made) => {
      writeJsonFile(recordPath(folder, (job as Job).name), made, scratch);
      keep(index, made);
    });
    for (const made of results) Object.assign(known, made.outputs);
    return results.map((made) => made.report);
  };
  const report = await stage.run({ folder, result, progress, eachPart: eachPart as StageContext['eachPart'] });

  const outputs: Record<string, FileIdentity> = {};
  for (const name of readdirSync(folder).sort()) {
    if (name === begunFile || name === stageManifestFile || partRecord.test(name)) continue;
    outputs[name] = known[name] ?? (await fileIdentity(join(folder, name)));
  }
  const seconds = Math.round(Date.now() - started.getTime()) / 1000;
  const manifest: StageManifest = {
    format: stageFormat,
    ...key,
    outputs,
    report,
    workers: pool.numWorkers,
    started: started.toISOString(),
    seconds,
  };
  writeJsonFile(join(folder, stageManifestFile), manifest, scratch);
  for (const name of readdirSync(folder)) if (name === begunFile || partRecord.test(name)) rmSync(join(folder, name));
  return manifest;
}

interface Job {
  readonly name: string;
}

function recordPath(folder: string, name: string): string {
  return join(folder, `part-${name}.json`);
}

/** The result of a job that an earlier run finished; null if it is missing or changed, and the job is done again. */
async function readPartRecord(folder: string, name: string): Promise<PartResult | null> {
  const path = recordPath(folder, name);
  if (!existsSync(path)) return null;
  try {
    const made = readJsonFile<PartResult>(path, {
      what: 'part of a stage',
      shape: jsonObject({ outputs: jsonRecord(fileIdentityShape), report: jsonAny }),
      advice: 'It is done again.',
    });
    return (await areIntact(folder, made.outputs)) ? made : null;
  } catch (error) {
    if (error instanceof DataError) return null; // empty after a power loss, for example
    throw error;
  }
}
