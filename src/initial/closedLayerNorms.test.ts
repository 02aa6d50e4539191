import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showRun } from '../report/progress/runProgress.js';
import { nearlyClosedLayerNorms } from './closedLayerNorms.js';

const scales = {
  'encoder.layers.0.final_layer_norm.weight': 0.088,
  'encoder.layers.1.self_attn_layer_norm.weight': 0.01,
  'encoder.layers.1.self_attn_layer_norm.bias': 0,
  'decoder.layers.0.fc1.weight': 0.02,
  'decoder.layers.0.encoder_attn_layer_norm.weight': 0.1,
  'decoder.layers.1.final_layer_norm.weight': -0.07,
};

test('layer norms that scales have nearly closed: gains below 0.1 of either sign, the least first; no biases, no other weights', () => {
  assert.deepEqual(Object.entries(nearlyClosedLayerNorms(scales)), [
    ['encoder.layers.1.self_attn_layer_norm.weight', 0.01],
    ['decoder.layers.1.final_layer_norm.weight', -0.07],
    ['encoder.layers.0.final_layer_norm.weight', 0.088],
  ]);
  assert.deepEqual(nearlyClosedLayerNorms({ 'encoder.layers.0.final_layer_norm.weight': 1 }), {});
});

test('a run reports it, with advice', () => {
  const written: string[] = [];
  const show = showRun({
    isTTY: false,
    write: (text: string) => {
      written.push(text);
      return true;
    },
  });
  show({ event: 'closedLayerNorms', scales: nearlyClosedLayerNorms(scales) });
  assert.equal(
    written.join(''),
    '3 layer norms are nearly closed (encoder.layers.1.self_attn_layer_norm 0.010, decoder.layers.1.final_layer_norm -0.070, encoder.layers.0.final_layer_norm 0.088): ' +
      'training may stall. gradinit.minScale 0.3, or layerNormLr 0, keeps them open.\n',
  );
});
