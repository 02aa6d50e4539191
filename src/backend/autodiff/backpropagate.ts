import { add, engine, ones, tidy, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';
import { addInto } from '../ops/addInto.js';

/** One operation as tfjs's tape records it. */
interface TapeNode {
  readonly inputs: NamedTensorMap;
  readonly outputs: readonly Tensor[];
  /** Tensors kept for the backward pass. */
  saved?: Tensor[];
  readonly gradient?: (dys: (Tensor | null)[]) => Record<string, () => Tensor>;
  readonly kernelName: string;
}

/** An operation that the gradient passes through, with the inputs that receive a gradient. */
interface Step {
  readonly node: TapeNode;
  readonly inputs: NamedTensorMap;
}

/** The engine's recording switches, which its type keeps private. */
interface Recorder {
  startTape(): void;
  endTape(): void;
}

/**
 * The value of f and its gradients, as tfjs's engine gives them, in less memory: tensors saved by the tape and
 * gradients of intermediate results are released as soon as the backward pass has used them, while the engine keeps all
 * until the end. Nothing is left in memory when f or a gradient throws. Calls nest.
 *
 * @param f computes y from the tensors of xs
 * @returns y, and for every x the gradient of sum(y), undefined if y does not depend on it
 */
export function backpropagate(
  f: () => Tensor,
  xs: readonly Tensor[],
): { value: Tensor; gradients: (Tensor | undefined)[] } {
  const { state } = engine();
  const recorder = engine() as unknown as Recorder;
  try {
    recorder.startTape();
    let value: Tensor;
    try {
      value = tidy(f);
    } finally {
      recorder.endTape();
    }
    const steps = stepsBetween(state.activeTape as TapeNode[], xs, value);
    const gradients = tidy(() => walkBack(steps, xs, value, state.gradientDepth === 0)) as (Tensor | undefined)[];
    return { value, gradients };
  } finally {
    if (state.gradientDepth === 0) {
      for (const node of state.activeTape as TapeNode[]) release(node);
      state.activeTape = null as never;
    }
  }
}

/** The operations that lead from an x to y, in the order they ran, each with only those inputs that depend on an x. */
function stepsBetween(tape: readonly TapeNode[], xs: readonly Tensor[], y: Tensor): Step[] {
  const fromX = new Set(xs.map((x) => x.id));
  const reached = tape.filter((node) => {
    if (!Object.values(node.inputs).some((input) => fromX.has(input.id))) return false;
    for (const output of node.outputs) fromX.add(output.id);
    return true;
  });
  const toY = new Set([y.id]);
  const steps: Step[] = [];
  for (const node of reached.reverse()) {
    if (!node.outputs.some((output) => toY.has(output.id))) continue;
    const inputs = Object.fromEntries(Object.entries(node.inputs).filter(([, input]) => fromX.has(input.id)));
    for (const input of Object.values(inputs)) toY.add(input.id);
    steps.push({ node, inputs });
  }
  return steps.reverse();
}

function walkBack(
  steps: readonly Step[],
  xs: readonly Tensor[],
  y: Tensor,
  outermost: boolean,
): (Tensor | undefined)[] {
  const wanted = new Set(xs.map((x) => x.id));
  const gradients = new Map<number, Tensor>([[y.id, ones(y.shape)]]);
  for (let i = steps.length - 1; i >= 0; i--) {
    const { node, inputs } = steps[i];
    const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
    const dxs = tidy(() => inputGradients(steps[i], dys));
    if (outermost) release(node);
    // Every use of these outputs has been processed: their gradients are complete and no longer needed.
    node.outputs.forEach((output, which) => {
      if (wanted.has(output.id)) return;
      dys[which]?.dispose();
      gradients.delete(output.id);
    });
    Object.values(inputs).forEach(({ id }, which) => {
      const before = gradients.get(id);
      gradients.set(id, before === undefined ? dxs[which] : sumOf(before, dxs[which], outermost));
    });
  }
  return xs.map((x) => gradients.get(x.id));
}

/** The sum of two gradients, which it disposes. Inside another gradient it is recorded. */
function sumOf(a: Tensor, b: Tensor, outermost: boolean): Tensor {
  if (outermost) return addInto(a, b);
  const sum = add(a, b);
  a.dispose();
  b.dispose();
  return sum;
}

/** The gradients of a step's inputs, each a separate tensor made here, so that it can be released separately. */
function inputGradients({ node, inputs }: Step, dys: (Tensor | null)[]): Tensor[] {
  if (node.gradient === undefined) throw new Error(`No gradient is registered for ${node.kernelName}.`);
  const byInput = node.gradient(dys);
  const here = engine().state.activeScope.id;
  const made = new Set<Tensor>();
  return Object.entries(inputs).map(([name, x]) => {
    if (!(name in byInput))
      throw new Error(
        `The gradient of ${node.kernelName} does not cover its input ${name}, only ${Object.keys(byInput).join(', ')}.`,
      );
    let dx = tidy(byInput[name]);
    if (dx.shape.join() !== x.shape.join())
      throw new Error(
        `The gradient of ${node.kernelName} for its input ${name} has shape [${dx.shape}], expected [${x.shape}].`,
      );
    if (dx.scopeId !== here || made.has(dx) || dx.kept) dx = dx.clone();
    made.add(dx);
    return dx;
  });
}

function release(node: TapeNode): void {
  for (const tensor of node.saved ?? []) tensor.dispose();
  node.saved = [];
}
