/**
 * Gradients of tfjs operations that are exact to any order. Importing this file registers them.
 *
 * tfjs-core's build for Node registers no gradients at all, and those of its other builds are silently wrong when they
 * are differentiated again, wherever they reuse a kernel's saved output (Softmax, Exp, Sigmoid, Tanh, Elu, Pow, ...):
 * the tape does not connect a saved output with the inputs. So every gradient here is written in differentiable ops of
 * saved inputs only, and kernels that have no gradient in tfjs-core (those that occur in other gradients) get one.
 */
import './gradients/arithmetic.js';
import './gradients/convolution.js';
import './gradients/elementwise.js';
import './gradients/movement.js';
import './gradients/reductions.js';
import { installExactCustomGradients } from './gradients/customGradients.js';

export { ensureExactGradients } from './gradients/register.js';

installExactCustomGradients();
