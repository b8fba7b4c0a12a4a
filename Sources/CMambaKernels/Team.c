#include "Team.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

// Waiting turns that a thread spins before it lets others run: about 20 microseconds.
enum { SPINS = 400 };

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void tantra_team_barrier(tantra_team *team) {
  if (team->threads == 1) return;
  unsigned phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) == team->threads - 1) {
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&team->phase, phase + 1, memory_order_release);
    return;
  }
  for (int turn = 0; atomic_load_explicit(&team->phase, memory_order_acquire) == phase; turn++) {
    if (turn < SPINS) relax();
    else sched_yield();
  }
}

struct tantra_worker {
  tantra_team *team;
  int part;
};

static void *work(void *argument) {
  struct tantra_worker *worker = argument;
  tantra_team *team = worker->team;
  unsigned seen = 0;
  for (;;) {
    for (int turn = 0; turn < SPINS && atomic_load_explicit(&team->generation, memory_order_acquire) == seen; turn++)
      relax();
    if (atomic_load(&team->generation) == seen) {
      pthread_mutex_lock(&team->mutex);
      atomic_fetch_add(&team->sleepers, 1);
      while (atomic_load(&team->generation) == seen) pthread_cond_wait(&team->wake, &team->mutex);
      atomic_fetch_sub(&team->sleepers, 1);
      pthread_mutex_unlock(&team->mutex);
    }
    seen++;
    if (atomic_load(&team->stopping)) return NULL;
    team->kernels->forward(team, &team->job, worker->part);
    tantra_team_barrier(team);
  }
}

static void start(tantra_team *team) {
  if (team->threads == 1) return;
  atomic_fetch_add(&team->generation, 1);
  // A worker counts itself asleep before it looks at the generation a last time, so one of the two sees the other.
  if (atomic_load(&team->sleepers) > 0) {
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
  }
}

static void perform(tantra_team *team, tantra_job job) {
  team->job = job;
  start(team);
  team->kernels->forward(team, &team->job, 0);
  tantra_team_barrier(team);
}

void tantra_mamba_forward(
  tantra_team *team, const tantra_mamba *model, float *state, const int32_t *tokens, long count, float *logits, bool all) {
  perform(team, (tantra_job){model, state, tokens, NULL, 0, model->layer_count, count, logits, all});
}

void tantra_mamba_layer(
  tantra_team *team, const tantra_mamba *model, float *state, long layer, float *rows, long count) {
  perform(team, (tantra_job){model, state, NULL, rows, layer, layer + 1, count, NULL, false});
}

void tantra_mamba_score(tantra_team *team, const tantra_mamba *model, float *rows, long count, float *logits) {
  perform(team, (tantra_job){model, NULL, NULL, rows, 0, 0, count, logits, true});
}

void tantra_stage_forward(
  tantra_team *team, const tantra_stage *stage, const float *in, long rows, long columns, float *out) {
  team->kernels->stage(team, stage, in, rows, columns, out);
}

void tantra_linear(
  tantra_team *team, const tantra_matrix *w, const float *bias, const float *x, long count, float *y) {
  team->kernels->linear(team, w, bias, x, count, y);
}

long tantra_mamba_state_count(const tantra_mamba *model) {
  return model->layer_count * (model->kernel - 1 + model->state) * tantra_padded(model->inner);
}

extern const tantra_kernels tantra_kernels_baseline;
#if defined(__x86_64__)
extern const tantra_kernels tantra_kernels_avx2, tantra_kernels_avx512;
#endif

static int available(const tantra_kernels *sets[3]) {
  int count = 0;
  sets[count++] = &tantra_kernels_baseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    sets[count++] = &tantra_kernels_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
      && __builtin_cpu_supports("avx512dq"))
    sets[count++] = &tantra_kernels_avx512;
#endif
  return count;
}

static const tantra_kernels *chosen(int set) {
  const tantra_kernels *sets[3];
  int count = available(sets);
  return set >= 0 && set < count ? sets[set] : sets[count - 1];
}

const char *tantra_instruction_set(int index) {
  const tantra_kernels *sets[3];
  return index >= 0 && index < available(sets) ? sets[index]->name : NULL;
}

bool tantra_all_finite(const void *data, long count, int element) {
  return chosen(-1)->all_finite(data, count, element);
}

void tantra_widen(const void *data, long count, int element, float *out) {
  chosen(-1)->widen(data, count, element, out);
}

uint64_t tantra_read(const void *data, long byte_count) { return chosen(-1)->read(data, byte_count); }

static float *floats(size_t count) {
  float *memory = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + 64);
  // Padding is read; it must be finite.
  if (memory) memset(memory, 0, (count * sizeof(float) + 63) / 64 * 64 + 64);
  return memory;
}

void tantra_team_destroy(tantra_team *team) {
  if (!team) return;
  if (team->workers) {
    atomic_store(&team->stopping, true);
    atomic_fetch_add(&team->generation, 1);
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
    for (int index = 0; index < team->threads - 1; index++) pthread_join(team->workers[index], NULL);
  }
  pthread_cond_destroy(&team->wake);
  pthread_mutex_destroy(&team->mutex);
  free(team->workers);
  free(team->worker_arguments);
  free(team->hidden), free(team->normed), free(team->x), free(team->z);
  free(team->projected), free(team->packed), free(team->rows), free(team);
}

tantra_team *tantra_team_create(const tantra_mamba *model, int threads, int set) {
  tantra_team *team = calloc(1, sizeof(tantra_team));
  if (!team) return NULL;
  team->kernels = chosen(set);
  team->threads = 1;
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->wake, NULL);
  long padded = tantra_padded(model->inner), hidden = tantra_padded(model->hidden);
  team->row_length = padded > hidden ? padded : hidden;
  if (model->widest > team->row_length) team->row_length = model->widest;
  team->hidden = floats((size_t)TANTRA_CHUNK * hidden);
  team->normed = floats((size_t)TANTRA_CHUNK * hidden);
  team->x = floats((size_t)TANTRA_CHUNK * padded);
  team->z = floats((size_t)TANTRA_CHUNK * padded);
  team->projected = floats((size_t)TANTRA_CHUNK * (model->rank + 2 * model->state));
  team->packed = floats((size_t)TANTRA_CHUNK * team->row_length);
  team->rows = floats((size_t)threads * 8 * team->row_length);
  if (!team->hidden || !team->normed || !team->x || !team->z || !team->projected || !team->packed || !team->rows) {
    tantra_team_destroy(team);
    return NULL;
  }
  if (threads > 1) {
    team->workers = calloc((size_t)threads, sizeof(pthread_t));
    team->worker_arguments = calloc((size_t)threads, sizeof(struct tantra_worker));
    for (int part = 1; team->workers && team->worker_arguments && part < threads; part++) {
      team->worker_arguments[part - 1] = (struct tantra_worker){team, part};
      if (pthread_create(&team->workers[part - 1], NULL, work, &team->worker_arguments[part - 1]) != 0) break;
      team->threads++;
    }
    if (team->threads != threads) {
      tantra_team_destroy(team);
      return NULL;
    }
  }
  return team;
}
