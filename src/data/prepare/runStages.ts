import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import { removeStaleParts } from '../../storage/staleParts.js';
import { version as programVersion } from '../../version.js';
import { PartPool, type PartResult } from './partPool.js';
import {
  keyChanges, outputsDigest, readStageManifest, stageFormat, stageManifestFile, verifyOutputs, type Stage, type StageContext, type StageKey, type StageManifest,
} from './stage.js';

/** What becomes of a stage in this run, and why. */
export interface StagePlan {
  readonly stage: string;
  /** `keep`: its result is right as it stands. `resume`: part of the work is done. */
  readonly action: 'keep' | 'run' | 'resume';
  /** One line each; empty for `keep`. */
  readonly reasons: readonly string[];
}

export interface StageProgress {
  readonly stage: string;
  /** Which stage of how many, from 1. */
  readonly number: number;
  readonly numStages: number;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** What was done for a stage. */
export interface StageOutcome extends StagePlan {
  readonly seconds: number;
  readonly report: unknown;
}

/** Key of the work under way, beside the parts that are done. */
const begunFile = 'begun.json';
const partRecord = /^part-.*\.json$/;
const program = `coldstart ${programVersion}`;

/**
 * Says what `runStages` would do.
 * @returns a plan for each stage; a stage after one that runs is expected to run
 */
export async function planStages(workFolder: string, stages: readonly Stage[]): Promise<StagePlan[]> {
  const plans: StagePlan[] = [];
  const digests = new Map<Stage, string>();
  for (const stage of stages) {
    const folder = join(workFolder, stage.name);
    const running = stage.needs.filter((need) => !digests.has(need));
    if (running.length > 0) {
      plans.push({ stage: stage.name, action: 'run', reasons: [`after ${running.map(({ name }) => name).join(', ')}`] });
      continue;
    }
    const plan = decide(stage.name, folder, await keyOf(stage, digests));
    if (plan.action === 'keep') digests.set(stage, outputsDigest(readStageManifest(folder)!));
    plans.push(plan);
  }
  return plans;
}

/**
 * Carries out stages in their order, each only if what it depends on has changed since. Killed at any moment, it goes on
 * with the parts that are missing; the result does not depend on when it was killed or on the number of workers.
 *
 * @returns what was done, and where the results stand
 */
export async function runStages(
  workFolder: string, stages: readonly Stage[], workers: number, onProgress?: (progress: StageProgress) => void,
): Promise<{ outcomes: StageOutcome[]; result: StageContext['result'] }> {
  const pool = new PartPool(workers);
  const manifests = new Map<Stage, StageManifest>();
  const digests = new Map<Stage, string>();
  const verified = new Set<Stage>();
  const outcomes: StageOutcome[] = [];
  const result: StageContext['result'] = <Report>(stage: Stage<Report>) => ({ folder: join(workFolder, stage.name), report: manifests.get(stage)!.report as Report });
  try {
    for (const [index, stage] of stages.entries()) {
      const folder = join(workFolder, stage.name);
      const key = await keyOf(stage, digests);
      const plan = decide(stage.name, folder, key);
      if (plan.action === 'keep') {
        manifests.set(stage, readStageManifest(folder)!);
      } else {
        for (const need of stage.needs) {
          if (!verified.has(need)) await verifyOutputs(join(workFolder, need.name), manifests.get(need)!);
          verified.add(need);
        }
        const place = { stage: stage.name, number: index + 1, numStages: stages.length };
        manifests.set(stage, await carryOut(stage, folder, key, pool, result, (done, total, unit) => onProgress?.({ ...place, done, total, unit })));
        verified.add(stage);
      }
      const manifest = manifests.get(stage)!;
      digests.set(stage, outputsDigest(manifest));
      outcomes.push({ ...plan, seconds: plan.action === 'keep' ? 0 : manifest.seconds, report: manifest.report });
    }
  } finally {
    await pool.close();
  }
  return { outcomes, result };
}

async function keyOf(stage: Stage, digests: ReadonlyMap<Stage, string>): Promise<StageKey> {
  const files: Record<string, FileIdentity> = {};
  for (const [role, path] of Object.entries(stage.files ?? {})) files[role] = await fileIdentity(path);
  return {
    stage: stage.name, version: stage.version, program,
    settings: JSON.parse(JSON.stringify(stage.settings)) as StageKey['settings'], // as it will be read again
    files, needs: Object.fromEntries(stage.needs.map((need) => [need.name, digests.get(need)!])),
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
  return { stage, action: 'run', reasons: [existsSync(join(folder, stageManifestFile)) ? 'its files are missing or damaged' : 'not done yet'] };
}

function isBegun(folder: string, key: StageKey): boolean {
  try {
    return keyChanges(JSON.parse(readFileSync(join(folder, begunFile), 'utf8')) as StageKey, key).length === 0;
  } catch {
    return false;
  }
}

async function carryOut(
  stage: Stage, folder: string, key: StageKey, pool: PartPool, result: StageContext['result'], progress: StageContext['progress'],
): Promise<StageManifest> {
  const started = new Date();
  if (readStageManifest(folder) || !isBegun(folder, key)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileAtomic(join(folder, begunFile), JSON.stringify(key));
  }
  removeStaleParts(folder);
  const known: Record<string, FileIdentity> = {};
  const eachPart = async (task: Parameters<StageContext['eachPart']>[0], settings: object, jobs: readonly { readonly name: string }[], weight: (job: never) => number = () => 1): Promise<unknown[]> => {
    const results = jobs.map(({ name }) => readPartRecord(folder, name));
    const missing = jobs.flatMap((_, index) => (results[index] ? [] : [index]));
    const weights = jobs.map((job) => weight(job as never));
    const total = weights.reduce((sum, each) => sum + each, 0);
    let done = total - missing.reduce((sum, index) => sum + weights[index], 0);
    progress(done, total, 'pairs');
    await pool.run({ task, settings, folder }, missing.map((index) => jobs[index]), (at, made) => {
      const index = missing[at];
      writeFileAtomic(recordPath(folder, jobs[index].name), JSON.stringify(made));
      results[index] = made;
      done += weights[index];
      progress(done, total, 'pairs');
    });
    for (const made of results) Object.assign(known, made!.outputs);
    return results.map((made) => made!.report);
  };
  const report = await stage.run({ folder, result, progress, eachPart: eachPart as StageContext['eachPart'] });

  const outputs: Record<string, FileIdentity> = {};
  for (const name of readdirSync(folder).sort()) {
    if (name === begunFile || name === stageManifestFile || partRecord.test(name)) continue;
    outputs[name] = known[name] ?? await fileIdentity(join(folder, name));
  }
  const seconds = Math.round(Date.now() - started.getTime()) / 1000;
  const manifest: StageManifest = { format: stageFormat, ...key, outputs, report, workers: pool.numWorkers, started: started.toISOString(), seconds };
  writeFileAtomic(join(folder, stageManifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const name of readdirSync(folder)) if (name === begunFile || partRecord.test(name)) rmSync(join(folder, name));
  return manifest;
}

function recordPath(folder: string, name: string): string {
  return join(folder, `part-${name}.json`);
}

/** What a job left that an earlier run finished. Files come before their record, so that a record means they are there. */
function readPartRecord(folder: string, name: string): PartResult | null {
  const path = recordPath(folder, name);
  if (!existsSync(path)) return null;
  const made = JSON.parse(readFileSync(path, 'utf8')) as PartResult;
  return Object.keys(made.outputs).every((file) => existsSync(join(folder, file))) ? made : null;
}
