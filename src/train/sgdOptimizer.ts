import { sgdStep } from '../backend/ops/sgdStep.js';
import { flag, real } from '../field.js';
import { inOrder, named, optimizerKind } from './optimizer.js';

/** SGD with momentum. Formula: sgdStep.ts. */
export const sgd = optimizerKind({
  fields: {
    momentum: real(0.9, 'momentum.', { min: 0, below: 1 }),
    nesterov: flag(false, "Nesterov's form of the momentum."),
    weightDecay: real(0, 'weight decay, added to the gradient.', { min: 0 }),
  },
  check({ momentum, nesterov }, refuse) {
    if (nesterov && momentum === 0) throw refuse('momentum', 'a number above 0, as nesterov is true');
  },
  steady: {
    growsWithGradient: true,
    step({ momentum, nesterov }, t, gradient) {
      const buffer = (gradient * (1 - momentum ** t)) / (1 - momentum);
      return nesterov ? gradient + momentum * buffer : buffer;
    },
  },
  create: (options) => ({
    slots: options.momentum > 0 ? ['momentum'] : [],
    // the first momentum buffer is the first gradient itself, so there is nothing to hold before it
    init: () => ({ step: 0, slots: new Map() }),
    update(gradients, state, params, { lr, gradientScale, decayScale = 1 }) {
      const names = [...params.keys()];
      const momentum = state.slots.get('momentum');
      const updated = sgdStep(
        [...params.values()],
        inOrder(names, gradients, 'gradient'),
        momentum && inOrder(names, momentum, 'momentum buffer'),
        { ...options, weightDecay: options.weightDecay * decayScale, lr, gradientScale },
      );
      const slots = new Map(updated.buffers ? [['momentum', named(names, updated.buffers)]] : []);
      return { params: named(names, updated.params), state: { step: state.step + 1, slots } };
    },
  }),
});
