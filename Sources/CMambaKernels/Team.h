#pragma once
#include "CMambaKernels.h"
#include <pthread.h>
#include <stdatomic.h>

/// What a team works on: tokens, or `rows` (count, hidden), which come out of the layers in their place.
typedef struct {
  const tantra_mamba *model;
  float *state;
  const int32_t *tokens;
  float *rows;
  long first_layer, end_layer;
  long count;
  float *logits;
  bool all;
} tantra_job;

typedef void (*tantra_forward_part)(tantra_team *, const tantra_job *, int part);
typedef void (*tantra_stage_kernel)(tantra_team *, const tantra_stage *, const float *, long rows, long columns, float *);
typedef void (*tantra_linear_kernel)(
  tantra_team *, const tantra_matrix *, const float *bias, const float *, long count, float *);

/// One instruction set's code.
typedef struct {
  const char *name;
  tantra_forward_part forward;
  tantra_stage_kernel stage;
  tantra_linear_kernel linear;
  bool (*all_finite)(const void *, long, int);
  void (*widen)(const void *, long, int, float *);
  uint64_t (*read)(const void *, long);
} tantra_kernels;

struct tantra_team {
  const tantra_kernels *kernels;
  int threads;
  // Activations, a row a token.
  float *hidden;      // (chunk, hidden)
  float *normed;      // (chunk, hidden)
  float *x, *z;       // (chunk, padded inner)
  float *projected;   // (chunk, rank + 2 state)
  float *packed;      // tokens transposed in tiles: (chunk, longest row)
  float *rows;        // (threads, 8, longest row): rows of weights as floats
  long row_length;
  // The barrier: every thread adds one to `arrived`; the last starts the next phase.
  _Atomic int arrived;
  _Atomic unsigned phase;
  // Jobs: workers sleep until `generation` moves.
  tantra_job job;
  _Atomic unsigned generation;
  _Atomic int sleepers;
  _Atomic bool stopping;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  pthread_t *workers;
  struct tantra_worker *worker_arguments;
};

static inline long tantra_padded(long channels) { return (channels + TANTRA_BLOCK - 1) / TANTRA_BLOCK * TANTRA_BLOCK; }

/// Waits until every thread of the team has come here.
void tantra_team_barrier(tantra_team *team);
