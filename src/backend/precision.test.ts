import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { product, relativeError, values } from '../../test/referenceProducts.js';
import { UsageError } from '../errors.js';
import { isAddonBuilt } from './native/addon.js';
import { nativeBackend } from './native/loadNative.js';
import { labelSmoothedCrossEntropy } from './ops/crossEntropy.js';
import { linear, linears } from './ops/linear.js';
import { checkPrecision, withPrecision } from './precision.js';
import { selectBackend } from './select.js';

const why = !isAddonBuilt()
  ? 'the native engine is not built'
  : nativeBackend().hasFurtherPrecision
    ? false
    : 'this processor has no bf16 instructions';

/** The nearest bf16, ties to even. */
function bf16(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer);
  bits[0] += 0x7fff + ((bits[0] >>> 16) & 1);
  bits[0] &= 0xffff0000;
  return new Float32Array(bits.buffer)[0];
}

const rounded = (x: Float32Array): Float32Array => x.map(bf16);

/**
 * The products are those of rounded operands, summed in float32; sums in bf16 or operands that were not rounded give
 * 1e-3 and more.
 */
function assertRounded(found: tf.Tensor, expected: Float64Array, what: string, tolerance = 3e-6): void {
  const error = relativeError(found.dataSync(), expected);
  assert.ok(error < tolerance, `${what}: relative error ${error}`);
}

describe('precision bf16', { skip: why }, () => {
  before(() => selectBackend('native'));
  beforeEach(() => tf.setBackend('native'));

  const [inSize, outSize] = [72, 90];
  const weight = values(outSize * inSize, 2);
  const bias = values(outSize, 3);
  const rw = rounded(weight);
  const inputs = (rows: number) => {
    const x = values(rows * inSize, 0);
    const dy = values(rows * outSize, 4);
    const tensors = (): tf.Tensor[] => [
      tf.tensor(x, [rows, inSize]),
      tf.tensor(weight, [outSize, inSize]),
      tf.tensor(bias, [outSize]),
      tf.tensor(dy, [rows, outSize]),
    ];
    return { x, dy, rx: rounded(x), tensors };
  };

  // 769 rows: gradients by blocks, the last one short; with three threads it is one thread's only block
  for (const [rows, threadCounts] of [
    [67, [1]],
    [769, [1, 2, 3]],
  ] as const) {
    const { dy, rx, tensors } = inputs(rows);
    const onThreads = (body: () => void): void => {
      const { addon } = nativeBackend();
      const { threads } = addon.info();
      try {
        for (const count of threadCounts) {
          addon.setThreads(count);
          tf.tidy(() => withPrecision('bf16', body));
        }
      } finally {
        addon.setThreads(threads);
      }
    };

    for (const relu of [false, true]) {
      test(`linear layers multiply rounded operands, forward and backward${relu ? ', behind ReLU' : ''}, ${rows} rows`, () =>
        onThreads(() => {
          const [xT, wT, bT, dyT] = tensors();
          const y = product(
            rows,
            inSize,
            outSize,
            (r, i) => rx[r * inSize + i],
            (i, c) => rw[c * inSize + i],
          ).map((sum, k) => sum + bias[k % outSize]);
          assertRounded(linear(xT, wT, bT, { relu }), relu ? y.map((v) => Math.max(0, v)) : y, 'y');
          const [dx, dw, db] = tf.grads((a: tf.Tensor, w: tf.Tensor, b: tf.Tensor) => linear(a, w, b, { relu }))(
            [xT, wT, bT],
            dyT,
          );
          const g = dy.map((v, k) => (relu && y[k] <= 0 ? 0 : v));
          const rg = rounded(g);
          assertRounded(
            dx,
            product(
              rows,
              outSize,
              inSize,
              (r, o) => rg[r * outSize + o],
              (o, i) => rw[o * inSize + i],
            ),
            'dx',
          );
          assertRounded(
            dw,
            product(
              outSize,
              rows,
              inSize,
              (o, r) => rg[r * outSize + o],
              (r, i) => rx[r * inSize + i],
            ),
            'dWeight',
          );
          assertRounded(
            db,
            product(
              1,
              rows,
              outSize,
              () => 1,
              (r, o) => g[r * outSize + o],
            ),
            'dBias is not rounded',
          );
        }));
    }

    test(`queries, keys and values multiply rounded operands, forward and backward, ${rows} rows`, () =>
      onThreads(() => {
        const [xT, wT, bT, dyT] = tensors();
        const second = values(outSize * inSize, 7);
        const w2 = tf.tensor(second, [outSize, inSize]);
        const r2 = rounded(second);
        const expected = product(
          rows,
          inSize,
          outSize,
          (r, i) => rx[r * inSize + i],
          (i, c) => r2[c * inSize + i],
        ).map((sum, k) => sum + bias[k % outSize]);
        assertRounded(linears(xT, [wT, w2], [bT, bT])[1], expected, 'y');
        const [dx, dw1, dw2] = tf.grads((a: tf.Tensor, w: tf.Tensor, v: tf.Tensor) => {
          const [p, q] = linears(a, [w, v], [bT, bT]);
          return tf.add(p, tf.mul(q, 2));
        })([xT, wT, w2], dyT);
        const rg = rounded(dy);
        const both = (o: number, i: number): number => rw[o * inSize + i] + 2 * r2[o * inSize + i];
        assertRounded(
          dx,
          product(rows, outSize, inSize, (r, o) => rg[r * outSize + o], both),
          'dx',
        );
        const wanted = product(
          outSize,
          rows,
          inSize,
          (o, r) => rg[r * outSize + o],
          (r, i) => rx[r * inSize + i],
        );
        assertRounded(dw1, wanted, 'dWeight 1');
        assertRounded(
          dw2,
          wanted.map((v) => 2 * v),
          'dWeight 2',
        );
      }));
  }

  test('a small layer next to a large one with the same input stays in float32', () =>
    tf.tidy(() => {
      const [rows, small] = [67, 3];
      const { x, tensors } = inputs(rows);
      const narrow = values(small * inSize, 9);
      const narrowBias = values(small, 10);
      const dy = values(rows * small, 11);
      const run = (): tf.Tensor[] => {
        const [xT, wT, bT] = tensors();
        const narrowT = tf.tensor(narrow, [small, inSize]);
        const both = (w: tf.Tensor): tf.Tensor => linears(xT, [wT, w], [bT, tf.tensor(narrowBias, [small])])[1];
        return [both(narrowT), tf.grads((w: tf.Tensor) => both(w))([narrowT], tf.tensor(dy, [rows, small]))[0]];
      };
      const [y, dWeight] = withPrecision('bf16', run);
      assertRounded(
        y,
        product(
          rows,
          inSize,
          small,
          (r, i) => x[r * inSize + i],
          (i, c) => narrow[c * inSize + i],
        ).map((sum, k) => sum + narrowBias[k % small]),
        'y',
      );
      assertRounded(
        dWeight,
        product(
          small,
          rows,
          inSize,
          (o, r) => dy[r * small + o],
          (r, i) => x[r * inSize + i],
        ),
        'dWeight',
      );
    }));

  test('the loss multiplies rounded operands, its gradient rounded too, over several blocks of rows', () =>
    tf.tidy(() =>
      withPrecision('bf16', () => {
        const [count, width, vocab, smoothing, padId] = [300, 40, 70, 0.1, 1];
        const hidden = values(count * width, 1);
        const table = values(vocab * width, 5, 0.5);
        const targets = Int32Array.from({ length: count }, (_, i) => (i * 7) % vocab);
        const [rh, rt] = [hidden, table].map(rounded);
        const logits = product(
          count,
          width,
          vocab,
          (r, i) => rh[r * width + i],
          (i, v) => rt[v * width + i],
        );
        const gradient = new Float32Array(count * vocab);
        let loss = 0;
        for (let r = 0; r < count; r++) {
          if (targets[r] === padId) continue;
          const line = logits.subarray(r * vocab, (r + 1) * vocab);
          const logSumExp = Math.log(line.reduce((sum, v) => sum + Math.exp(v), 0));
          for (let v = 0; v < vocab; v++) {
            const share = v === targets[r] ? 1 - smoothing : smoothing / (vocab - 1);
            loss += share * (logSumExp - line[v]);
            gradient[r * vocab + v] = bf16(Math.exp(line[v] - logSumExp) - share);
          }
        }
        const lossOf = (h: tf.Tensor, e: tf.Tensor): tf.Scalar =>
          labelSmoothedCrossEntropy(h, e, tf.tensor(targets, [count], 'int32'), { labelSmoothing: smoothing, padId })
            .lossSum;
        const inputs = [tf.tensor(hidden, [count, width]), tf.tensor(table, [vocab, width])];
        const found = lossOf(inputs[0], inputs[1]).dataSync()[0];
        assert.ok(Math.abs(found - loss) < 1e-5 * loss, `loss ${found}, expected ${loss}`);
        const [dHidden, dTable] = tf.grads(lossOf)(inputs);
        // an element of the gradient close to a tie may round the other way
        assertRounded(
          dHidden,
          product(
            count,
            vocab,
            width,
            (r, v) => gradient[r * vocab + v],
            (v, i) => rt[v * width + i],
          ),
          'dHidden',
          1e-4,
        );
        assertRounded(
          dTable,
          product(
            vocab,
            count,
            width,
            (v, r) => gradient[r * vocab + v],
            (r, i) => rh[r * width + i],
          ),
          'dEmbedding',
          1e-4,
        );
      }),
    ));

  test('small products and batches of products stay in float32', () =>
    tf.tidy(() => {
      const run = (): Float32Array[] =>
        [
          [8, 8, 8],
          [2000, 20, 20],
        ]
          .map(
            ([m, k, n]) =>
              tf
                .matMul(tf.tensor(values(m * k, 0), [m, k]), tf.tensor(values(k * n, 1), [k, n]))
                .dataSync() as Float32Array,
          )
          .concat(
            tf
              .matMul(
                tf.tensor(values(2 * 100 * 100, 0), [2, 100, 100]),
                tf.tensor(values(2 * 100 * 100, 1), [2, 100, 100]),
              )
              .dataSync() as Float32Array,
          );
      assert.deepEqual(withPrecision('bf16', run), run());
    }));

  test('NaN and infinity are preserved', () =>
    tf.tidy(() =>
      withPrecision('bf16', () => {
        const rows = 67;
        const spoilt = inputs(rows).x.slice();
        spoilt[3] = NaN;
        spoilt[5 * inSize] = Infinity;
        for (const relu of [false, true]) {
          const y = linear(
            tf.tensor(spoilt, [rows, inSize]),
            tf.tensor(weight, [outSize, inSize]),
            tf.tensor(bias, [outSize]),
            { relu },
          ).arraySync() as number[][];
          assert.ok(y[0].every(Number.isNaN));
          assert.ok(y[5].every((v, i) => (relu && weight[i * inSize] < 0 ? v === 0 : !Number.isFinite(v))));
          assert.ok([...y[1], ...y[6]].every(Number.isFinite));
        }
      }),
    ));

  test('float32 has the same bits before and after, also after an error', () =>
    tf.tidy(() => {
      const { tensors } = inputs(67);
      const run = (): Float32Array =>
        tf
          .concat(
            tf
              .grads((a: tf.Tensor, w: tf.Tensor) => linear(a, w))(tensors().slice(0, 2), tensors()[3])
              .map((g) => tf.reshape(g, [-1])),
          )
          .dataSync() as Float32Array;
      const first = run();
      const roundedOnes = withPrecision('bf16', run);
      assert.notDeepEqual(roundedOnes, first);
      assert.deepEqual(run(), first);
      assert.throws(
        () =>
          withPrecision('bf16', () => {
            throw new Error('stopped');
          }),
        /stopped/,
      );
      assert.deepEqual(run(), first);
      assert.deepEqual(withPrecision('bf16', run), roundedOnes);
    }));
});

describe('where there is no bf16', () => {
  const start = tf.engine().backendName;
  after(async () => {
    if (start) await tf.setBackend(start);
  });

  test('other backends refuse it and have fp32', async () => {
    await selectBackend('cpu');
    assert.throws(
      () => checkPrecision('bf16'),
      (error) => error instanceof UsageError && /bf16 needs the native backend; this is cpu/.test(error.message),
    );
    assert.throws(() => withPrecision('bf16', () => 1), UsageError);
    assert.equal(
      withPrecision('fp32', () => 7),
      7,
    );
  });

  test(
    'a processor without bf16 gets an error that says so',
    { skip: isAddonBuilt() ? false : 'the native engine is not built' },
    () => {
      const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
      const { status, stderr } = spawnSync(
        process.execPath,
        [main, 'bench', 'train', '--backend', 'native', '--precision', 'bf16', '--sentences', '2'],
        { encoding: 'utf8', env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' } },
      );
      assert.equal(status, 2);
      assert.match(stderr, /precision bf16 needs a processor with AVX-512 BF16 or AMX.*Use precision fp32/);
    },
  );
});
