import type { OpenOptions, TranslatedSource } from '../translator/translator.js';
import type { BatchReport } from './batcher.js';

/** How the process that translates is set up. */
export interface WorkerSetup extends OpenOptions {
  /** Runs or checkpoints. */
  readonly models: readonly string[];
  /** Beam size. Default: the run's. */
  readonly beam?: number;
  /** How long the first line of a batch waits for others, ms. */
  readonly windowMs: number;
  /** Threads of the native engine. Default: one for each core. */
  readonly threads?: number;
}

/** Facts about the opened models. */
export interface WorkerReady {
  readonly backend: string;
  readonly beam: number;
  readonly languages?: { readonly src: string; readonly trg: string };
}

/** A request to the translating process. */
export interface WorkerJob {
  readonly lines: readonly string[];
  readonly nbest: number;
  /** Whether tokens, log-probabilities and attention are wanted. */
  readonly details: boolean;
}

/** A translated line. */
export interface LineResult {
  /** The best translation first. */
  readonly texts: readonly string[];
  /** Present if details were requested. */
  readonly details?: Pick<TranslatedSource, 'sourceTokens' | 'nbest'>;
}

export type ToWorker =
  | { readonly setup: WorkerSetup }
  | { readonly id: number; readonly job: WorkerJob }
  | { readonly id: number; readonly cancel: true };

export type FromWorker =
  | { readonly ready: WorkerReady }
  | { readonly failed: { readonly code?: string; readonly message: string } }
  | { readonly id: number; readonly lines: readonly LineResult[] }
  | { readonly id: number; readonly error: { readonly status: number; readonly message: string } }
  | { readonly batch: BatchReport };
