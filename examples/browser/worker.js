// Trains one model in a worker, so that the page stays responsive. It follows the messages start, pause, resume and
// download.
import {
  ColdstartError,
  corpusBleu,
  createBatches,
  initCost,
  initParams,
  MemoryStore,
  pairsInMemory,
  runGradInit,
  trainLoop,
  translate,
  useWasm,
  useWebGpu,
  Vocabulary,
} from 'coldstart/browser';
import { runArchive } from './runArchive.js';

/** The run so far, from the first message on. */
let run;
/** Aborts what is under way. */
let controller;

self.onmessage = async ({ data }) => {
  try {
    if (data.type === 'start') {
      run = await openRun(data);
      await advance();
    } else if (data.type === 'resume') await advance();
    else if (data.type === 'pause') controller?.abort();
    else if (data.type === 'download') {
      const archive = runArchive(`coldstart-${run.arm.name}`, run);
      self.postMessage({ type: 'archive', archive }, [archive]);
    }
  } catch (error) {
    const message = error instanceof ColdstartError ? error.message : String(error?.stack ?? error);
    self.postMessage({ type: 'failed', message });
  }
};

async function openRun({ task, pairs, arm, backend, folder }) {
  const description = backend === 'webgpu' ? await useWebGpu() : await useWasm(`${folder}wasm/`);
  self.postMessage({ type: 'backend', description });
  const all = readPairs(pairs);
  return {
    task,
    arm,
    train: pairsInMemory(all.slice(0, task.pairs.train)),
    valid: pairsInMemory(all.slice(task.pairs.train, task.pairs.train + task.pairs.valid)),
    vocabulary: Vocabulary.parse(task.vocabulary, 'vocabulary'),
    store: new MemoryStore(),
    log: [],
    /** GradInit's iterations, and its report when it is done. */
    iterations: [],
    report: undefined,
  };
}

/** Continues where the run is, until it ends or is paused. */
async function advance() {
  controller = new AbortController();
  const { signal } = controller;
  const { task, arm, store } = run;
  const resumeFrom = store.checkpoints.get(store.last);
  let params = new Map();
  try {
    if (resumeFrom === undefined) params = await initialise(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    self.postMessage({ type: 'paused' });
    return;
  }
  const { releaseUpdates, scales } = run.report ?? {};
  const result = await trainLoop({
    config: task.model,
    options: arm.options,
    params,
    trainBatches: createBatches(run.train, { ...arm.batching, seed: arm.seed }),
    validBatches: createBatches(run.valid, { maxTokens: arm.batching.maxTokens, shuffle: false }).epochBatches(1),
    store,
    resumeFrom,
    multipliers: releaseUpdates === undefined ? undefined : { scales, releaseUpdates },
    ratioUpdates: arm.ratioUpdates,
    validateFirstEpoch: true,
    evaluate,
    signal,
    onEvent(event) {
      run.log.push(event);
      self.postMessage({ type: 'event', event });
    },
    onUpdate: ({ update, loss, seconds }) => self.postMessage({ type: 'update', update, loss, seconds }),
  });
  for (const tensor of result.params.values()) tensor.dispose();
  self.postMessage({ type: result.status === 'finished' ? 'finished' : 'paused' });
}

/** Parameters as drawn, or with the scales that GradInit learns. */
async function initialise(signal) {
  const { task, arm } = run;
  const drawn = initParams(task.model, { method: arm.init, seed: arm.seed });
  if (arm.gradinit.algorithm === 'none') return drawn;
  const learning = { settings: arm.gradinit, seed: arm.seed, train: arm.learning, trainPairs: run.train };
  const { total } = runGradInit.uses(learning);
  const show = () => self.postMessage({ type: 'learning', done: run.iterations.length, total });
  show();
  try {
    const { params, report, uses } = await runGradInit.learn({
      ...learning,
      drawn,
      model: task.model,
      done: run.iterations,
      onIteration(iteration) {
        run.iterations = [...run.iterations, iteration];
        show();
      },
      signal,
    });
    const updatesPerEpoch = createBatches(run.train, { ...arm.batching, seed: arm.seed }).epochBatches(1).length;
    const tokensPerUpdate = run.train.trgLengths.reduce((a, b) => a + b, 0) / updatesPerEpoch;
    run.report = { method: runGradInit.name, ...report, cost: initCost(uses, tokensPerUpdate, report.seconds) };
    return params;
  } finally {
    for (const tensor of drawn.values()) tensor.dispose();
  }
}

/** BLEU of the first validation sentences, and some of them to read. */
async function evaluate(params, signal) {
  const { task, arm, valid, vocabulary } = run;
  const sources = valid.pairs(task.sources.map((_, row) => row)).map(({ src }) => src);
  const { hypotheses } = await translate(params, task.model, sources, { ...task.decode, signal });
  const hyps = hypotheses.map(([best]) => vocabulary.decode(best.tokens).join(' '));
  const samples = Array.from({ length: arm.samples }, (_, i) => Math.floor((i * hyps.length) / arm.samples)).map(
    (line) => ({ src: task.sources[line], ref: task.references[line], hyp: hyps[line] }),
  );
  return { bleu: corpusBleu(hyps, [task.references], task.bleu).score, samples };
}

/** Pairs of ids: for each the lengths of both sides, then the sides, as 16-bit numbers. */
function readPairs(bytes) {
  const words = new Uint16Array(bytes);
  const pairs = [];
  for (let at = 0; at < words.length;) {
    const [srcEnd, trgEnd] = [at + 2 + words[at], at + 2 + words[at] + words[at + 1]];
    pairs.push({
      src: Int32Array.from(words.subarray(at + 2, srcEnd)),
      trg: Int32Array.from(words.subarray(srcEnd, trgEnd)),
    });
    at = trgEnd;
  }
  return pairs;
}
