/// The selective scan of Mamba for training on a CPU: forward, and backward with the states computed again.
///
/// For each row of the batch, channel c and state n (Gu, Dao: Mamba, 2023, section 3):
///
///     s[t] = exp(dt[t] A) s[t-1] + dt[t] B[t] x[t]        y[t] = sum over n of C[t] s[t]
///
/// Shapes, all contiguous F32: x, dt, y (batch, time, channels); A (STATES, channels); B, C (batch, time, STATES);
/// first and last states (batch, STATES, channels). `kept` (batch, spans, STATES, channels) holds the state before each
/// span of SPAN steps, from which the backward pass computes the others again while they fit into the cache: keeping all
/// of them would move STATES times the memory of x. Channels are a multiple of LANES, time of SPAN; scan.py checks it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef STATES
#define STATES 16
#endif
enum { LANES = 16, SPAN = 16 };

/// One step of LANES channels: `state` becomes the next one; `decay`, if not null, receives exp(dt A).
static inline void step(
    const float *restrict x, const float *restrict dt, const float *restrict A, long channels, const float *restrict B,
    const float *restrict before, float *restrict after, float *restrict decay) {
  for (int n = 0; n < STATES; n++)
    for (int i = 0; i < LANES; i++) {
      const float factor = expf(dt[i] * A[n * channels + i]);
      if (decay) decay[n * LANES + i] = factor;
      after[n * LANES + i] = factor * before[n * LANES + i] + dt[i] * x[i] * B[n];
    }
}

static inline void load(float *restrict block, const float *restrict rows, long channels) {
  for (int n = 0; n < STATES; n++) memcpy(block + n * LANES, rows + n * channels, LANES * sizeof(float));
}

static inline void store(float *restrict rows, const float *restrict block, long channels) {
  for (int n = 0; n < STATES; n++) memcpy(rows + n * channels, block + n * LANES, LANES * sizeof(float));
}

void scan_forward(
    long batch, long time, long channels, const float *x, const float *dt, const float *A, const float *B, const float *C,
    const float *first, float *y, float *kept, float *last) {
  const long size = STATES * channels;
#pragma omp parallel for collapse(2)
  for (long b = 0; b < batch; b++)
    for (long c = 0; c < channels; c += LANES) {
      float state[STATES * LANES];
      load(state, first + b * size + c, channels);
      for (long t = 0; t < time; t++) {
        const long at = (b * time + t) * channels + c;
        const float *const Ct = C + (b * time + t) * STATES;
        if (t % SPAN == 0) store(kept + (b * time + t) / SPAN * size + c, state, channels);
        float next[STATES * LANES], sum[LANES] = {0};
        step(x + at, dt + at, A + c, channels, B + (b * time + t) * STATES, state, next, NULL);
        for (int n = 0; n < STATES; n++)
          for (int i = 0; i < LANES; i++) sum[i] += Ct[n] * next[n * LANES + i];
        memcpy(state, next, sizeof state);
        memcpy(y + at, sum, sizeof sum);
      }
      store(last + b * size + c, state, channels);
    }
}

/// Gradients of x, dt, B and C, and of A for each row of the batch, (batch, STATES, channels), which start as zeros.
/// The first state is a constant, and the last has no gradient: truncated backpropagation.
void scan_backward(
    long batch, long time, long channels, const float *x, const float *dt, const float *A, const float *B, const float *C,
    const float *kept, const float *dy, float *dx, float *ddt, float *dA, float *dB, float *dC) {
  const long size = STATES * channels;
#pragma omp parallel for
  for (long b = 0; b < batch; b++)
    for (long c = 0; c < channels; c += LANES) {
      float ds[STATES * LANES] = {0};  // Gradient of the state that the next step reads.
      float gradient[STATES * LANES] = {0};  // Of A.
      for (long start = time - SPAN; start >= 0; start -= SPAN) {
        float states[SPAN + 1][STATES * LANES], decay[SPAN][STATES * LANES];
        load(states[0], kept + (b * time + start) / SPAN * size + c, channels);
        for (int k = 0; k < SPAN; k++) {
          const long at = b * time + start + k;
          step(
              x + at * channels + c, dt + at * channels + c, A + c, channels, B + at * STATES, states[k], states[k + 1],
              decay[k]);
        }
        for (int k = SPAN - 1; k >= 0; k--) {
          const long at = b * time + start + k;
          const float *const xt = x + at * channels + c, *const dtt = dt + at * channels + c;
          const float *const dyt = dy + at * channels + c;
          float through_B[LANES] = {0}, through_A[LANES] = {0};
          for (int n = 0; n < STATES; n++) {
            const float Bn = B[at * STATES + n], Cn = C[at * STATES + n];
            float sum_B = 0, sum_C = 0;
            for (int i = 0; i < LANES; i++) {
              const int j = n * LANES + i;
              const float d = ds[j] + dyt[i] * Cn;
              sum_C += dyt[i] * states[k + 1][j];
              sum_B += d * dtt[i] * xt[i];
              through_B[i] += d * Bn;
              ds[j] = d * decay[k][j];
              const float exponent = ds[j] * states[k][j];
              through_A[i] += exponent * A[n * channels + c + i];
              gradient[j] += exponent * dtt[i];
            }
            dB[at * STATES + n] += sum_B;
            dC[at * STATES + n] += sum_C;
          }
          for (int i = 0; i < LANES; i++) {
            dx[at * channels + c + i] = dtt[i] * through_B[i];
            ddt[at * channels + c + i] = xt[i] * through_B[i] + through_A[i];
          }
        }
      }
      store(dA + b * size + c, gradient, channels);
    }
}
