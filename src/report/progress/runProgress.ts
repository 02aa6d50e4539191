import { counted, formatCount } from '../../counted.js';
import type {
  InitPlanned,
  LearningSaved,
  RunEvent,
  RunListener,
  RunStart,
  StageProgress,
  StartedFrom,
  UpdateProgress,
} from '../../run/runEvents.js';
import { isStuck, type RunScores } from '../../run/runScores.js';
import { formatDuration, formatLoss, formatNumber } from '../../format.js';
import { measuredSeconds } from './timeLeft.js';
import { ProgressBar, type ProgressStream } from './progressBar.js';
import { initPlanLines, initTimeLine } from '../text/initPlanText.js';
import { memoryLine } from '../text/memoryText.js';
import { closedLayerNormsText, fallbackText } from '../text/scaleReport.js';

/**
 * Shows a run's progress: its description, a bar for each stage, and permanent lines for validations and scores.
 * Without a terminal it writes only lines: one per log interval.
 */
export function showRun(stream: ProgressStream): RunListener {
  const display = new RunDisplay(stream);
  return (event) => display.show(event);
}

/** Learned initialisations are shown by their names. */
function stageOf(stage: StageProgress['stage']): { label: string; unit: string } {
  if (stage === 'validation') return { label: 'validate', unit: 'sentences' };
  if (stage === 'translation') return { label: 'test', unit: 'sentences' };
  if (stage === 'gradients') return { label: 'gradients', unit: 'batches' };
  return { label: stage, unit: 'iterations' };
}

/** The state that an interruption of GradInit or MetaInit left in the run's folder. */
export function learningSavedText({ stage, done, total }: LearningSaved): string {
  return done === 0
    ? `${stageOf(stage).label}  no iteration of ${total} was finished, so there is nothing to save`
    : `${stageOf(stage).label}  iteration ${done} of ${total} is saved: the scales, the state of their optimiser and the position in the data`;
}

/** What an interrupted run has saved. @param learning the state if the interruption came during GradInit or MetaInit */
export function whatIsSaved(learning: LearningSaved | undefined): string {
  if (learning === undefined) return 'What was done is saved';
  const { stage, done, total } = learning;
  return done === 0
    ? `No iteration of ${stageOf(stage).label} was finished, nothing is saved`
    : `${done} of ${total} iterations of ${stageOf(stage).label} are saved`;
}

/** What a stuck run's author can do. */
function stuckText({ best, unigramNll }: RunScores): string {
  return `stuck     the best validation (nll ${formatLoss(best!.nll)}) is no better than token frequencies (${formatLoss(unigramNll!)}): lower train.lr, train for longer, or start with a warmup or GradInit`;
}

class RunDisplay {
  private start?: RunStart;
  /** The update at which training ends: known exactly only after initialisation. */
  private maxUpdates?: number;
  private training?: ProgressBar;
  /** The first updates, until a line has shown that training continues. */
  private first?: { readonly updates: number; readonly seconds: number } = { updates: 0, seconds: 0 };
  /** Until the time of the work is shown. */
  private initPlan?: InitPlanned;
  private stage?: { readonly name: StageProgress['stage']; readonly bar: ProgressBar };
  /** Target tokens and seconds of recent updates, older ones fading. */
  private recent = { trgTokens: 0, seconds: 0 };

  constructor(private readonly stream: ProgressStream) {}

  show(event: RunEvent): void {
    switch (event.event) {
      case 'preparing':
        this.line('prepare   loads the backend and counts the memory that the run needs');
        break;
      case 'start':
        this.start = event;
        this.maxUpdates = event.maxUpdates;
        for (const line of startLines(event)) this.line(line);
        break;
      case 'processes':
        this.line(`processes ${event.count} on ${counted(event.hosts.length, 'machine')}: ${event.hosts.join(', ')}`);
        break;
      case 'update':
        this.endStage();
        this.maxUpdates = event.maxUpdates;
        this.training ??= new ProgressBar({
          label: 'train',
          total: event.maxUpdates,
          unit: 'updates',
          startAt: event.update - 1,
          stream: this.stream,
          lineEverySeconds: Infinity,
        });
        this.training.update(event.update, this.describeUpdate(event));
        this.showFirstUpdates(event);
        break;
      case 'train':
        this.first = undefined;
        // a terminal has the bar
        if (!this.stream.isTTY)
          this.line(
            `train     ${this.place(event.update)}  loss ${formatLoss(event.loss)}  ppl ${formatNumber(event.perplexity)}  lr ${formatNumber(event.lr)}  gnorm ${formatNumber(event.gradNormL2)}  ${formatCount(Math.round(event.trgTokensPerSecond))} tok/s  ${this.timeLeft(event.update, event.seconds)}`,
          );
        break;
      case 'valid':
        this.line(
          `validate  ${this.place(event.update)}  loss ${formatLoss(event.loss)}  ppl ${formatNumber(event.perplexity)}${event.bleu === undefined ? '' : `  BLEU ${event.bleu.toFixed(2)}`}${event.best ? '  best so far' : ''}`,
        );
        this.endStage();
        break;
      case 'progress':
        this.showStage(event);
        break;
      case 'memory':
        this.line(memoryLine(event));
        break;
      case 'initPlan':
        this.initPlan = event;
        for (const line of initPlanLines(event)) this.line(line);
        break;
      case 'closedLayerNorms':
        this.endStage();
        this.line(closedLayerNormsText(event.scales));
        break;
      case 'gradInitFallback':
        this.endStage();
        this.line(fallbackText(event.reason));
        break;
      case 'changed':
        for (const setting of event.settings) this.line(`changed   ${setting}`);
        break;
      case 'logLost':
        this.line(`log       ${event.path} is gone: curves and totals begin here`);
        break;
      case 'initFrom':
        for (const text of initFromLines(event)) this.line(text);
        break;
      case 'learningSaved':
        this.endStage();
        this.line(learningSavedText(event));
        break;
      case 'diverged':
        this.line(`diverged at update ${event.update}: loss ${formatLoss(event.loss)}, first in the ${event.tensor}`);
        break;
      case 'scores':
        this.endStage();
        if (isStuck(event)) this.line(stuckText(event));
        if (event.test) this.line(`test      BLEU ${event.test.bleu.toFixed(2)}  (${event.test.checkpoint})`);
        break;
      case 'epoch':
      case 'checkpoint':
      case 'updateRatios':
        break;
    }
  }

  /**
   * Once, as soon as the first updates say how long the run takes, where no line of the log comes before: a terminal
   * has the bar.
   */
  private showFirstUpdates({ update, seconds }: UpdateProgress): void {
    if (this.first === undefined || this.stream.isTTY) return;
    this.first = { updates: this.first.updates + 1, seconds: this.first.seconds + seconds };
    if (this.first.seconds < measuredSeconds) return;
    const each = this.first.seconds / this.first.updates;
    this.first = undefined;
    const left =
      this.maxUpdates === undefined
        ? ''
        : `, about ${formatDuration(each * (this.maxUpdates - update))} for the ${counted(this.maxUpdates - update, 'update')} left`;
    this.line(`train     ${formatDuration(each)} an update so far${left}`);
  }

  private describeUpdate({ epoch, loss, perplexity, lr, gradNormL2, trgTokens, seconds }: UpdateProgress): string {
    this.recent = {
      trgTokens: 0.95 * this.recent.trgTokens + trgTokens,
      seconds: 0.95 * this.recent.seconds + seconds,
    };
    const rate = Math.round(this.recent.trgTokens / this.recent.seconds);
    return `epoch ${epoch}  loss ${formatLoss(loss)}  ppl ${formatNumber(perplexity)}  lr ${formatNumber(lr)}  gnorm ${formatNumber(gradNormL2)}  ${formatCount(rate)} tok/s`;
  }

  private showStage({ stage, done, total, note, secondsHere }: StageProgress): void {
    if (this.stage?.name !== stage) {
      this.endStage();
      const { label, unit } = stageOf(stage);
      this.stage = { name: stage, bar: new ProgressBar({ label, unit, total, stream: this.stream }) };
    }
    this.showInitTime(stage, done, secondsHere);
    this.stage.bar.update(done, note);
  }

  /** Shows the expected time once, after the first, slower iterations. */
  private showInitTime(stage: StageProgress['stage'], done: number, seconds: number | undefined): void {
    const plan = this.initPlan;
    if (plan?.stage !== stage || seconds === undefined) return;
    const measured = done - plan.done;
    const isMeasured = seconds >= measuredSeconds || measured >= Math.max(2, plan.total / 10);
    if (plan.done === 0 && done < plan.total && !isMeasured) return;
    this.initPlan = undefined;
    if (plan.done === 0 && done < plan.total) this.line(initTimeLine(plan.stage, plan.total - done, measured, seconds));
  }

  /**
   * Validations leave their result, so their bar is removed, as is that of gradients; other stages leave their last
   * state.
   */
  private endStage(): void {
    if (this.stage !== undefined && !['validation', 'gradients'].includes(this.stage.name)) this.stage.bar.finish();
    this.stage = undefined;
  }

  private place(update: number): string {
    const { updatesPerEpoch } = this.start!;
    return `update ${formatCount(update)}${this.maxUpdates === undefined ? '' : `/${formatCount(this.maxUpdates)}`}  epoch ${(update / updatesPerEpoch).toFixed(1)}`;
  }

  private timeLeft(update: number, seconds: number): string {
    return this.maxUpdates === undefined || seconds < measuredSeconds
      ? ''
      : `${formatDuration((seconds / update) * (this.maxUpdates - update))} left`;
  }

  private line(text: string): void {
    const bar = this.stage?.bar ?? this.training ?? new ProgressBar({ label: '', unit: '', stream: this.stream });
    bar.log(text.trimEnd());
  }
}

/** What a run takes over from another one. */
function initFromLines({ checkpoint, update, vocabularies }: StartedFrom): string[] {
  const { src, trg } = vocabularies;
  const match = ({ kept, drawn, dropped }: typeof src): string =>
    `${counted(kept, 'token')} kept, ${formatCount(drawn)} drawn, ${formatCount(dropped)} dropped`;
  const isSame = match(src) === match(trg);
  return [
    `from      ${checkpoint}${update === undefined ? '' : `, update ${formatCount(update)}`}`,
    `tokens    ${isSame ? match(src) : `source ${match(src)}; target ${match(trg)}`}`,
  ];
}

function startLines({
  runDir,
  backend,
  precision,
  numParameters,
  model,
  trainPairs,
  trgTokensPerEpoch,
  updatesPerEpoch,
  maxUpdates,
  resumedFrom,
  example,
}: RunStart): string[] {
  const vocabulary =
    model.sharing === 'tied'
      ? formatCount(model.trgVocabSize)
      : `${formatCount(model.srcVocabSize)}/${formatCount(model.trgVocabSize)}`;
  return [
    `run       ${runDir}${resumedFrom === undefined ? '' : `, resumed from update ${formatCount(resumedFrom)}`}`,
    `backend   ${backend}, ${precision}${backend === 'wasm' || backend === 'cpu' ? ': about ten times slower than the native engine; "npx coldstart doctor" says how to build it' : ''}`,
    `model     ${formatCount(numParameters)} parameters: ${model.numEncoderLayers}+${model.numDecoderLayers} layers, d ${model.dModel}, ffn ${model.dFf}, ${model.numHeads} heads, vocabulary ${vocabulary} (${model.sharing}), dropout ${model.dropout}`,
    `data      ${formatCount(trainPairs)} pairs; ${formatCount(trgTokensPerEpoch)} target tokens in ${formatCount(updatesPerEpoch)} updates per epoch${maxUpdates === undefined ? '' : `, ${formatCount(maxUpdates)} updates in all`}`,
    `example   ${example.src}`,
    `       →  ${example.trg}`,
  ];
}
