// The page: one worker for each way to start training, their curves, and their translations.
import { createChart } from './chart.js';

const colours = { warmup: '#2f6fde', 'no-warmup': '#d8612c', cold: '#0b8f6c' };
const names = { warmup: 'Warmup', 'no-warmup': 'No warmup', cold: 'GradInit, no warmup' };
/** Updates whose mean loss is a point of a curve. */
const perPoint = 10;

const folder = new URL('.', location.href).href;
const query = new URLSearchParams(location.search);
const byId = (id) => document.getElementById(id);

const [task, pairs] = await Promise.all([
  fetch('task.json').then((response) => response.json()),
  fetch('pairs.bin').then((response) => response.arrayBuffer()),
]);
const backend = await chooseBackend(query.get('backend') ?? 'auto');
const { maxUpdates } = task.arms[0].options;
for (const { name } of task.arms) {
  const entry = document.createElement('span');
  entry.textContent = names[name];
  entry.style.setProperty('--colour', colours[name]);
  byId('legend').append(entry);
}
const drawChart = createChart(byId('chart'), maxUpdates);
let isDue = false;
const runs = task.arms.map(openRun);
draw();
byId('backend').textContent = `Computes with ${backend === 'webgpu' ? 'WebGPU' : 'WebAssembly'}.`;
byId('start').disabled = false;
byId('start').onclick = () => {
  for (const run of runs) if (run.chosen.checked) run.send(run.worker ? 'resume' : 'start');
  update();
};
byId('pause').onclick = () => {
  for (const run of runs) if (run.state === 'running') run.send('pause');
  update();
};
addEventListener('resize', update);
update();

/** A GPU in hardware is used by itself; anything can be asked for. */
async function chooseBackend(wanted) {
  if (wanted !== 'auto') return wanted;
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) ? 'webgpu' : 'wasm';
}

function summaryOf({ gradinit, options: { warmupUpdates, warmupInitLr, lr } }) {
  const learned = gradinit.algorithm === 'none' ? '' : 'GradInit first learns a scale for each tensor. ';
  return warmupInitLr >= 0 && warmupInitLr < lr // -1 is lr
    ? `${learned}The rate rises to ${lr} in ${warmupUpdates} updates, then falls.`
    : `${learned}The rate is ${lr} from the first update, and falls after ${warmupUpdates} updates.`;
}

function openRun(arm) {
  const card = byId('run').content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(`.${name}`);
  card.dataset.arm = arm.name;
  card.style.setProperty('--colour', colours[arm.name]);
  part('name').textContent = names[arm.name];
  part('summary').textContent = summaryOf(arm);
  byId('runs').append(card);
  const run = {
    arm,
    card,
    chosen: part('chosen'),
    state: 'new',
    worker: undefined,
    points: [],
    losses: [],
    update: 0,
    seconds: 0,
    send(type) {
      run.worker ??= startWorker(run, part);
      if (type === 'start') run.worker.postMessage({ type, task, pairs, arm, backend, folder });
      else run.worker.postMessage({ type });
      if (type !== 'download') run.state = type === 'pause' ? 'pausing' : 'running';
    },
  };
  part('download').onclick = () => run.send('download');
  run.show = () => {
    part('bar').value = run.update;
    part('bar').max = maxUpdates;
    const perUpdate = run.seconds / Math.max(run.update, 1);
    const left = Math.ceil(((maxUpdates - run.update) * perUpdate) / 60);
    const words = {
      new: 'not started',
      running:
        run.learning ??
        (run.update === 0 ? 'starting' : `update ${run.update} of ${maxUpdates}, about ${left} min left`),
      pausing: 'pausing after this update',
      paused: `paused at update ${run.update}`,
      finished: `finished, ${run.update} updates`,
      failed: run.message,
    };
    part('state').textContent = words[run.state];
    part('loss').textContent = run.points.length > 0 ? `loss ${run.points.at(-1)[1].toFixed(2)}` : '';
    part('download').hidden = !(run.update > 0 && ['paused', 'finished'].includes(run.state));
  };
  return run;
}

function startWorker(run, part) {
  const worker = new Worker('worker.js', { type: 'module' });
  worker.onerror = ({ message }) => follow({ type: 'failed', message: message ?? 'the worker did not start' });
  worker.onmessage = ({ data }) => follow(data);
  return worker;

  function follow(message) {
    switch (message.type) {
      case 'learning':
        run.learning = `GradInit learns scales: iteration ${message.done} of ${message.total}`;
        break;
      case 'update': {
        run.learning = undefined;
        run.update = message.update;
        run.seconds += message.seconds;
        run.losses.push(message.loss);
        if (run.losses.length === perPoint) {
          run.points.push([message.update, run.losses.reduce((a, b) => a + b) / perPoint]);
          run.losses = [];
        }
        break;
      }
      case 'event':
        if (message.event.event === 'valid') showValidation(part('translations'), message.event);
        break;
      case 'archive':
        save(message.archive, `coldstart-${run.arm.name}.tar`);
        return;
      case 'paused':
      case 'finished':
        run.state = message.type;
        break;
      case 'failed':
        run.state = 'failed';
        run.message = message.message;
        break;
    }
    update();
  }
}

function showValidation(list, { update: at, loss, bleu, samples }) {
  const heading = document.createElement('p');
  heading.className = 'scores';
  heading.textContent = `Update ${at}: validation loss ${loss.toFixed(2)}, BLEU ${bleu.toFixed(1)}`;
  const lines = samples.map(({ src, ref, hyp }) => {
    const item = document.createElement('div');
    for (const [className, text] of [
      ['source', src],
      ['translation', hyp],
      ['reference', ref],
    ]) {
      const line = document.createElement('p');
      line.className = className;
      line.textContent = text;
      item.append(line);
    }
    return item;
  });
  list.replaceChildren(heading, ...lines);
}

function save(archive, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([archive], { type: 'application/x-tar' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Shows the state of all runs, at most once in a frame. */
function update() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  for (const run of runs) run.show();
  drawChart(runs.map(({ points, arm }) => ({ points, colour: colours[arm.name] })));
  const states = runs.filter(({ chosen }) => chosen.checked).map(({ state }) => state);
  const isRunning = states.includes('running');
  byId('start').hidden = isRunning || states.includes('pausing');
  byId('start').textContent = states.includes('paused') ? 'Resume' : 'Start';
  byId('start').disabled = !states.some((state) => ['new', 'paused'].includes(state));
  byId('pause').hidden = byId('start').hidden === false;
  byId('pause').disabled = !isRunning;
  for (const { chosen, state } of runs) chosen.disabled = state !== 'new';
}
