/** The tfjs that coldstart computes with: `import * as tf from 'coldstart/tfjs'` never loads a second copy of it. */
export * from '@tensorflow/tfjs-core';
