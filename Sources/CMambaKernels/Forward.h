// The forward pass for one instruction set: include it after defining LANES, TILE_ROWS and NAMED(name), and CONVERTS_HALF if
// there are instructions that widen halves.
// Vectors hold consecutive channels, or, in matrix products of several tokens, consecutive tokens.
#include "Team.h"
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((ext_vector_type(LANES)));
typedef int32_t ivec __attribute__((ext_vector_type(LANES)));
typedef uint32_t uvec __attribute__((ext_vector_type(LANES)));
typedef uint16_t hvec __attribute__((ext_vector_type(LANES)));
// As the above, wherever they lie in memory.
typedef vec vec_anywhere __attribute__((aligned(1)));
typedef hvec hvec_anywhere __attribute__((aligned(1)));
#if CONVERTS_HALF
typedef _Float16 f16vec_anywhere __attribute__((ext_vector_type(LANES), aligned(1)));
#endif

INLINE vec load(const float *from) { return *(const vec_anywhere *)from; }
INLINE void store(float *to, vec value) { *(vec_anywhere *)to = value; }
INLINE vec as_float(uvec bits) { return (vec)bits; }

/// LANES elements from index `index` on, as floats.
INLINE vec load_as(const void *data, long index, int element) {
  if (element == TANTRA_F32) return load((const float *)data + index);
#if CONVERTS_HALF
  if (element == TANTRA_F16)
    return __builtin_convertvector(*(const f16vec_anywhere *)((const _Float16 *)data + index), vec);
#endif
  uvec half = __builtin_convertvector(*(const hvec_anywhere *)((const uint16_t *)data + index), uvec);
  if (element == TANTRA_BF16) return as_float(half << 16);
  // The exponent's bias changes from 15 to 127: by a product, which treats subnormals as well.
  uvec magnitude = half & 0x7FFF;
  uvec special = (uvec)(magnitude >= 0x7C00) & 0x7F800000;
  uvec bits = (uvec)(as_float(magnitude << 13) * 0x1p112f) | special;
  return as_float(bits | (half & 0x8000) << 16);
}

INLINE float element_at(const void *data, long index, int element) {
  if (element == TANTRA_F32) {
    float value;
    memcpy(&value, (const float *)data + index, sizeof value);
    return value;
  }
  uint16_t half;
  memcpy(&half, (const uint16_t *)data + index, sizeof half);
  if (element == TANTRA_BF16) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  value = (half & 0x7FFF) >= 0x7C00 ? (half & 0x3FF ? NAN : INFINITY) : value * 0x1p112f;
  return half & 0x8000 ? -value : value;
}

typedef float vec4 __attribute__((ext_vector_type(4)));

/// Four partial sums of the lanes.
INLINE vec4 folded(vec value) {
#if LANES == 16
  float __attribute__((ext_vector_type(8))) half = value.lo + value.hi;
  return half.lo + half.hi;
#elif LANES == 8
  return value.lo + value.hi;
#else
  return value;
#endif
}

/// The sums of the lanes of four vectors.
INLINE vec4 sums(vec a, vec b, vec c, vec d) {
  vec4 p = folded(a), q = folded(b), r = folded(c), s = folded(d);
  vec4 pq = __builtin_shufflevector(p, q, 0, 2, 4, 6) + __builtin_shufflevector(p, q, 1, 3, 5, 7);
  vec4 rs = __builtin_shufflevector(r, s, 0, 2, 4, 6) + __builtin_shufflevector(r, s, 1, 3, 5, 7);
  return __builtin_shufflevector(pq, rs, 0, 2, 4, 6) + __builtin_shufflevector(pq, rs, 1, 3, 5, 7);
}

/// The sum of the lanes.
INLINE float sum(vec value) {
  vec4 quarter = folded(value);
  return (quarter.x + quarter.y) + (quarter.z + quarter.w);
}

/// 2^(whole + fraction) for a whole number and a fraction between -1/2 and 1/2, to about 1 unit in the last place.
/// `shifted` is the whole number plus 1.5 * 2^23, which leaves it in the low bits.
INLINE vec power_of_two(vec shifted, vec fraction) {
  vec power = (vec)(1.535336188319500e-4f) * fraction + 1.339887440266574e-3f;
  power = power * fraction + 9.618437357674640e-3f;
  power = power * fraction + 5.550332471162809e-2f;
  power = power * fraction + 2.402264791363012e-1f;
  power = power * fraction + 6.931472028550421e-1f;
  power = power * fraction + 1.0f;
  return as_float((uvec)power + (((uvec)shifted) << 23));
}

/// 2^x; underflows to 0, overflows to a large number.
INLINE vec exp2_of(vec x) {
  x = __builtin_elementwise_max(__builtin_elementwise_min(x, (vec)(126.0f)), (vec)(-126.9f));
  vec shifted = x + 0x1.8p23f;
  return power_of_two(shifted, x - (shifted - 0x1.8p23f));
}

/// e^x; underflows to 0, overflows to a large number.
INLINE vec exp_of(vec x) {
  x = __builtin_elementwise_max(__builtin_elementwise_min(x, (vec)(87.0f)), (vec)(-87.9f));
  vec shifted = x * 1.44269504f + 0x1.8p23f;
  vec whole = shifted - 0x1.8p23f;
  // log(2) in two parts, the first so short that its product is exact: x log2(e) itself would lose the last bits of a large x.
  return power_of_two(shifted, ((x - whole * 0.693359375f) - whole * -2.12194440e-4f) * 1.44269504f);
}

INLINE vec silu(vec x) { return x / (exp_of(-x) + 1.0f); }

/// log(1 + e^x): x itself above 20, as torch has it.
INLINE vec softplus(vec x) {
  vec e = exp_of(__builtin_elementwise_min(x, (vec)(20.0f)));
  vec u = e + 1.0f;
  // log(u) by its exponent and a polynomial of the rest in sqrt(1/2) ... sqrt(2) (Cephes, logf).
  uvec bits = (uvec)u;
  uvec shifted = bits - 0x3F3504F3;
  ivec exponent = ((ivec)shifted) >> 23;
  vec m = as_float(bits - ((uvec)exponent << 23)) - 1.0f;
  vec p = (vec)(7.0376836292e-2f) * m + -1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m + -1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m + -1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m + -2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  vec square = m * m;
  vec log = m + (p * m * square - square * 0.5f) + __builtin_convertvector(exponent, vec) * 0.693147181f;
  // What rounding 1 + e lost matters where e is small.
  log += (e - (u - 1.0f)) / u;
  return x > 20.0f ? x : log;
}

/// The part of `count` things that thread `part` has, in whole `unit`s.
INLINE void share(const tantra_team *team, int part, long count, long unit, long *first, long *end) {
  long units = (count + unit - 1) / unit;
  *first = units * part / team->threads * unit;
  *end = units * (part + 1) / team->threads * unit;
  if (*first > count) *first = count;
  if (*end > count) *end = count;
}

/// Asks for `byte_count` bytes that a stream now at `from` comes to in a while, so that they are there by then.
INLINE void prefetch(const char *from, long byte_count) {
  for (long at = 0; at < byte_count; at += 64) __builtin_prefetch(from + 1024 + at);
}

/// y = W x + bias for rows first ..< end, or y += where `add`.
INLINE void matvec_of(
  const tantra_matrix *w, const float *x, const float *bias, float *y, bool add, long first, long end, int element) {
  const long columns = w->columns, whole = columns / LANES * LANES, width = element == TANTRA_F32 ? 4 : 2;
  vec tail = 0;
  // The last lanes overlap what was already summed up, which the zeros in `tail` leave out.
  if (whole < columns && whole > 0)
    for (long lane = 0; lane < LANES; lane++)
      if (columns - LANES + lane >= whole) tail[lane] = x[columns - LANES + lane];
  // Four rows at a time, a quarter of all rows apart: four long streams. Neighbouring rows would be four short ones, each of
  // which memory has to get going anew.
  const long quarter = (end - first + 3) / 4;
  for (long row = first; row < first + quarter; row++) {
    const char *data[4];
    for (long index = 0; index < 4; index++) {
      long clamped = row + index * quarter < end ? row + index * quarter : end - 1;
      data[index] = (const char *)w->data + clamped * columns * width;
    }
    vec a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    long k = 0;
    for (; k + 2 * LANES <= whole; k += 2 * LANES) {
      for (int index = 0; index < 4; index++) prefetch(data[index] + k * width, 2 * LANES * width);
      vec u = load(x + k), v = load(x + k + LANES);
      a0 += load_as(data[0], k, element) * u, b0 += load_as(data[0], k + LANES, element) * v;
      a1 += load_as(data[1], k, element) * u, b1 += load_as(data[1], k + LANES, element) * v;
      a2 += load_as(data[2], k, element) * u, b2 += load_as(data[2], k + LANES, element) * v;
      a3 += load_as(data[3], k, element) * u, b3 += load_as(data[3], k + LANES, element) * v;
    }
    if (k < whole) {
      vec u = load(x + k);
      a0 += load_as(data[0], k, element) * u, a1 += load_as(data[1], k, element) * u;
      a2 += load_as(data[2], k, element) * u, a3 += load_as(data[3], k, element) * u;
    }
    if (whole < columns && whole > 0) {
      k = columns - LANES;
      b0 += load_as(data[0], k, element) * tail, b1 += load_as(data[1], k, element) * tail;
      b2 += load_as(data[2], k, element) * tail, b3 += load_as(data[3], k, element) * tail;
    }
    vec4 totals = sums(a0 + b0, a1 + b1, a2 + b2, a3 + b3);
    for (long index = 0; index < 4 && row + index * quarter < end; index++) {
      const long at = row + index * quarter;
      float value = totals[index];
      if (whole == 0)
        for (k = 0; k < columns; k++) value += element_at(data[index], k, element) * x[k];
      if (bias) value += bias[at];
      if (add) value += y[at];
      y[at] = value;
    }
  }
}

static void matvec(
  const tantra_matrix *w, const float *x, const float *bias, float *y, bool add, long first, long end) {
  switch (w->element) {
  case TANTRA_F32: matvec_of(w, x, bias, y, add, first, end, TANTRA_F32); break;
  case TANTRA_F16: matvec_of(w, x, bias, y, add, first, end, TANTRA_F16); break;
  default: matvec_of(w, x, bias, y, add, first, end, TANTRA_BF16); break;
  }
}

static void NAMED(widen)(const void *data, long count, int element, float *out) {
  long index = 0;
  for (; index + LANES <= count; index += LANES) store(out + index, load_as(data, index, element));
  for (; index < count; index++) out[index] = element_at(data, index, element);
}

enum { TILE = 2 * LANES, STRETCH = 64 };

/// Transposes rows of tokens into tiles, (tile, column, TILE), so that a vector holds one column of LANES tokens.
static void pack(tantra_team *team, int part, const float *x, long stride, long columns, long count) {
  long tiles = (count + TILE - 1) / TILE, first, end;
  share(team, part, tiles, 1, &first, &end);
  for (long tile = first; tile < end; tile++) {
    float *out = team->packed + tile * TILE * columns;
    for (long lane = 0; lane < TILE; lane++) {
      long token = tile * TILE + lane;
      const float *row = x + token * stride;
      if (token < count)
        for (long k = 0; k < columns; k++) out[k * TILE + lane] = row[k];
      else
        for (long k = 0; k < columns; k++) out[k * TILE + lane] = 0;
    }
  }
}

/// y = x W^T + bias for all tokens and rows first ..< end of W, x being packed; or y += where `add`.
static void matmul(
  tantra_team *team, int part, const tantra_matrix *w, const float *bias, float *y, long stride, bool add, long first,
  long end, long count) {
  const long columns = w->columns;
  const int width = w->element == TANTRA_F32 ? 4 : 2;
  for (long row = first; row < end; row += TILE_ROWS) {
    const long rows = end - row < TILE_ROWS ? end - row : TILE_ROWS;
    const float *data[TILE_ROWS];
    float *copies = team->rows + (long)part * 8 * team->row_length;
    for (long index = 0; index < TILE_ROWS; index++) {
      const char *source = (const char *)w->data + (row + (index < rows ? index : 0)) * columns * width;
      data[index] = (const float *)source;
      // Halves become floats once for all tokens, and so do rows that no float may be loaded from.
      if (w->element != TANTRA_F32 || (uintptr_t)source % sizeof(float)) {
        if (w->element == TANTRA_F32) memcpy(copies + index * team->row_length, source, (size_t)columns * 4);
        else NAMED(widen)(source, columns, w->element, copies + index * team->row_length);
        data[index] = copies + index * team->row_length;
      }
    }
    for (long token = 0; token < count; token += TILE) {
      const float *x = team->packed + token * columns;
      float results[TILE_ROWS][TILE] = {0};
      // Sums of short stretches, summed up: one long sum would lose several times as much to rounding.
      for (long begin = 0; begin < columns; begin += STRETCH) {
        const long limit = columns - begin < STRETCH ? columns : begin + STRETCH;
        vec low[TILE_ROWS], high[TILE_ROWS];
#pragma clang loop unroll(full)
        for (int index = 0; index < TILE_ROWS; index++) low[index] = high[index] = 0;
        for (long k = begin; k < limit; k++) {
          vec u = load(x + k * TILE), v = load(x + k * TILE + LANES);
#pragma clang loop unroll(full)
          for (int index = 0; index < TILE_ROWS; index++) {
            vec weight = (vec)(data[index][k]);
            low[index] += weight * u;
            high[index] += weight * v;
          }
        }
#pragma clang loop unroll(full)
        for (int index = 0; index < TILE_ROWS; index++) {
          store(results[index], load(results[index]) + low[index]);
          store(results[index] + LANES, load(results[index] + LANES) + high[index]);
        }
      }
      long tokens = count - token < TILE ? count - token : TILE;
      for (long lane = 0; lane < tokens; lane++) {
        float *out = y + (token + lane) * stride + row;
        for (long index = 0; index < rows; index++) {
          float value = results[index][lane] + (bias ? bias[row + index] : 0);
          out[index] = add ? out[index] + value : value;
        }
      }
    }
  }
}

/// One product for a token or many; `x` must be complete when every thread comes here, and `y` is when a barrier follows.
static void project(
  tantra_team *team, int part, const tantra_matrix *w, const float *x, long x_stride, const float *bias, float *y,
  long y_stride, bool add, long count) {
  long first, end;
  share(team, part, w->rows, count == 1 ? 4 : TILE_ROWS, &first, &end);
  if (count == 1) matvec(w, x, bias, y, add, first, end);
  else matmul(team, part, w, bias, y, y_stride, add, first, end, count);
}

/// RMSNorm of the tokens that this thread has.
static void normalize(
  tantra_team *team, int part, const float *x, const float *weight, float *out, long width, long stride, float epsilon,
  long count) {
  long first = 0, end = count;
  if (count > 1) share(team, part, count, 1, &first, &end);
  else if (part != 0) return;
  for (long token = first; token < end; token++) {
    const float *row = x + token * stride;
    float *to = out + token * stride;
    vec total = 0;
    long k = 0;
    for (; k + LANES <= width; k += LANES) total += load(row + k) * load(row + k);
    float squares = sum(total);
    for (; k < width; k++) squares += row[k] * row[k];
    float scale = 1.0f / sqrtf(squares / (float)width + epsilon);
    for (k = 0; k + LANES <= width; k += LANES) store(to + k, load(row + k) * scale * load(weight + k));
    for (; k < width; k++) to[k] = row[k] * scale * weight[k];
  }
}

/// The causal convolution and SiLU, in place, of channels `channel` to `channel + LANES`.
static void convolve(
  const tantra_mamba *model, const tantra_layer *layer, float *history, float *x, long stride, long channel, long count) {
  const long kernel = model->kernel, block = channel / TANTRA_BLOCK, lane = channel % TANTRA_BLOCK;
  const float *weight = layer->convolution + block * kernel * TANTRA_BLOCK + lane;
  float *past = history + block * (kernel - 1) * TANTRA_BLOCK + lane;
  const vec bias = load(layer->convolution_bias + channel);
  for (long token = 0; token < count; token++) {
    vec input = load(x + token * stride + channel);
    vec total = bias + input * load(weight + (kernel - 1) * TANTRA_BLOCK);
    for (long tap = 0; tap < kernel - 1; tap++) {
      vec earlier = load(past + tap * TANTRA_BLOCK);
      total += earlier * load(weight + tap * TANTRA_BLOCK);
      if (tap > 0) store(past + (tap - 1) * TANTRA_BLOCK, earlier);
    }
    if (kernel > 1) store(past + (kernel - 2) * TANTRA_BLOCK, input);
    store(x + token * stride + channel, silu(total));
  }
}

/// The selective scan of channels `channel` to `channel + LANES`: time step, state, output and gate; x becomes the output.
static void scan(
  const tantra_team *team, const tantra_mamba *model, const tantra_layer *layer, float *state, long stride, long channel,
  long count) {
  const long block = channel / TANTRA_BLOCK, lane = channel % TANTRA_BLOCK, size = model->state, rank = model->rank;
  const float *time_weight = layer->dt_proj + block * rank * TANTRA_BLOCK + lane;
  const float *decay = layer->decay + block * size * TANTRA_BLOCK + lane;
  float *s = state + block * size * TANTRA_BLOCK + lane;
  const vec time_bias = load(layer->dt_bias + channel), skip = load(layer->skip + channel);
  for (long token = 0; token < count; token++) {
    const float *projected = team->projected + token * (rank + 2 * size);
    const float *b = projected + rank, *c = b + size;
    vec even = time_bias, odd = 0;
    long index = 0;
    for (; index + 2 <= rank; index += 2) {
      even += load(time_weight + index * TANTRA_BLOCK) * projected[index];
      odd += load(time_weight + (index + 1) * TANTRA_BLOCK) * projected[index + 1];
    }
    if (index < rank) even += load(time_weight + index * TANTRA_BLOCK) * projected[index];
    const vec dt = softplus(even + odd);
    const vec x = load(team->x + token * stride + channel);
    const vec input = dt * x;
    vec y = x * skip;
    for (index = 0; index < size; index++) {
      vec next = exp2_of(dt * load(decay + index * TANTRA_BLOCK)) * load(s + index * TANTRA_BLOCK) + input * b[index];
      store(s + index * TANTRA_BLOCK, next);
      y += next * c[index];
    }
    store(team->x + token * stride + channel, y * silu(load(team->z + token * stride + channel)));
  }
}

static void NAMED(forward)(tantra_team *team, const tantra_job *job, int part) {
  const tantra_mamba *model = job->model;
  const long count = job->count, hidden = model->hidden, inner = model->inner, projected = model->rank + 2 * model->state;
  const long padded = tantra_padded(inner), width = tantra_padded(hidden);
  const long history_count = (model->kernel - 1) * padded, state_count = model->state * padded;
  long first, end, channel, last;
  share(team, part, count, 1, &first, &end);
  for (long token = first; token < end; token++) {
    if (job->rows) {
      memcpy(team->hidden + token * width, job->rows + token * hidden, (size_t)hidden * sizeof(float));
      continue;
    }
    const long bytes = model->embeddings.element == TANTRA_F32 ? 4 : 2;
    NAMED(widen)(
      (const char *)model->embeddings.data + job->tokens[token] * hidden * bytes, hidden, model->embeddings.element,
      team->hidden + token * width);
  }
  share(team, part, padded, TANTRA_BLOCK, &channel, &last);
  for (long index = job->first_layer; index < job->end_layer; index++) {
    const tantra_layer *layer = model->layers + index;
    float *history = job->state + index * (history_count + state_count), *state = history + history_count;
    if (index > job->first_layer || count == 1) tantra_team_barrier(team);
    normalize(team, part, team->hidden, layer->norm, team->normed, hidden, width, model->epsilon, count);
    tantra_team_barrier(team);
    if (count > 1) {
      pack(team, part, team->normed, width, hidden, count);
      tantra_team_barrier(team);
    }
    tantra_matrix half = layer->in_proj;
    half.rows = inner;
    project(team, part, &half, team->normed, width, layer->in_bias, team->x, padded, false, count);
    half.data = (const char *)half.data + inner * hidden * (half.element == TANTRA_F32 ? 4 : 2);
    project(
      team, part, &half, team->normed, width, layer->in_bias ? layer->in_bias + inner : NULL, team->z, padded, false,
      count);
    tantra_team_barrier(team);
    for (long at = channel; at < last; at += LANES) convolve(model, layer, history, team->x, padded, at, count);
    tantra_team_barrier(team);
    if (count > 1) {
      pack(team, part, team->x, padded, inner, count);
      tantra_team_barrier(team);
    }
    project(team, part, &layer->x_proj, team->x, padded, NULL, team->projected, projected, false, count);
    tantra_team_barrier(team);
    for (long at = channel; at < last; at += LANES) scan(team, model, layer, state, padded, at, count);
    tantra_team_barrier(team);
    if (count > 1) {
      pack(team, part, team->x, padded, inner, count);
      tantra_team_barrier(team);
    }
    project(team, part, &layer->out_proj, team->x, padded, layer->out_bias, team->hidden, width, true, count);
  }
  if (!job->logits && !job->rows) return;
  tantra_team_barrier(team);
  if (!job->logits) {
    for (long token = first; token < end; token++)
      memcpy(job->rows + token * hidden, team->hidden + token * width, (size_t)hidden * sizeof(float));
    return;
  }
  const long scored = job->all ? count : 1;
  const float *from = team->hidden + (count - scored) * width;
  normalize(team, part, from, model->norm, team->normed, hidden, width, model->epsilon, scored);
  tantra_team_barrier(team);
  if (scored > 1) {
    pack(team, part, team->normed, width, hidden, scored);
    tantra_team_barrier(team);
  }
  project(team, part, &model->head, team->normed, width, model->head_bias, job->logits, model->head.rows, false, scored);
}

/// One row of a stage's output, in pieces of TANTRA_CHUNK pixels: what lies under the kernel at each pixel is a token of a
/// matrix product.
static void stage_row(tantra_team *team, const tantra_stage *stage, const float *in, long columns, float *out) {
  const long inputs = stage->inputs, outputs = stage->outputs, taps = 9 * inputs, line = (columns + 2) * inputs;
  const long width = (columns - 1) / stage->column_stride + 1;
  for (long start = 0; start < width; start += TANTRA_CHUNK) {
    const long count = width - start < TANTRA_CHUNK ? width - start : TANTRA_CHUNK;
    for (long tile = 0; tile < count; tile += TILE) {
      float *to = team->packed + tile * taps;
      for (long lane = 0; lane < TILE; lane++) {
        // Beyond the row's end, which only fills the tile, the last pixel stands in.
        const long pixel = start + (tile + lane < count ? tile + lane : count - 1);
        const float *corner = in + pixel * stage->column_stride * inputs;
        for (long tap = 0; tap < 3; tap++)
          for (long k = 0; k < 3 * inputs; k++) to[(tap * 3 * inputs + k) * TILE + lane] = corner[tap * line + k];
      }
    }
    float *made = out + start * outputs;
    matmul(team, 0, &stage->weight, stage->bias, made, outputs, false, 0, outputs, count);
    for (long pixel = 0; pixel < count; pixel++) {
      float *row = made + pixel * outputs, mean = 0, squares = 0;
      for (long k = 0; k < outputs; k++) mean += row[k];
      mean /= (float)outputs;
      for (long k = 0; k < outputs; k++) squares += (row[k] - mean) * (row[k] - mean);
      const float scale = 1.0f / sqrtf(squares / (float)outputs + stage->epsilon);
      long k = 0;
      for (; k + LANES <= outputs; k += LANES)
        store(row + k, silu((load(row + k) - mean) * scale * load(stage->scale + k) + load(stage->shift + k)));
      for (; k < outputs; k++) {
        const vec value = (row[k] - mean) * scale * stage->scale[k] + stage->shift[k];
        row[k] = silu(value)[0];
      }
    }
  }
}

static void NAMED(stage)(
  tantra_team *team, const tantra_stage *stage, const float *in, long rows, long columns, float *out) {
  const long height = (rows - 1) / stage->row_stride + 1, width = (columns - 1) / stage->column_stride + 1;
  for (long row = 0; row < height; row++)
    stage_row(
      team, stage, in + row * stage->row_stride * (columns + 2) * stage->inputs, columns,
      out + ((row + 1) * (width + 2) + 1) * stage->outputs);
}

static void NAMED(linear)(
  tantra_team *team, const tantra_matrix *w, const float *bias, const float *x, long count, float *y) {
  for (long start = 0; start < count; start += TANTRA_CHUNK) {
    const long piece = count - start < TANTRA_CHUNK ? count - start : TANTRA_CHUNK;
    for (long tile = 0; tile < piece; tile += TILE)
      for (long lane = 0; lane < TILE; lane++) {
        const float *row = x + (start + (tile + lane < piece ? tile + lane : piece - 1)) * w->columns;
        for (long k = 0; k < w->columns; k++) team->packed[tile * w->columns + k * TILE + lane] = row[k];
      }
    matmul(team, 0, w, bias, y + start * w->rows, w->rows, false, 0, w->rows, piece);
  }
}

static bool NAMED(all_finite)(const void *data, long count, int element) {
  const uint32_t exponent = element == TANTRA_F32 ? 0x7F800000 : element == TANTRA_F16 ? 0x7C00 : 0x7F80;
  uvec special = 0;
  long index = 0;
  for (; index + LANES <= count; index += LANES) {
    uvec bits = element == TANTRA_F32
                  ? (uvec)load((const float *)data + index)
                  : __builtin_convertvector(*(const hvec_anywhere *)((const uint16_t *)data + index), uvec);
    special |= (uvec)((bits & exponent) == exponent);
  }
  for (int lane = 0; lane < LANES; lane++)
    if (special[lane]) return false;
  for (; index < count; index++)
    if (!isfinite(element_at(data, index, element))) return false;
  return true;
}

static uint64_t NAMED(read)(const void *data, long byte_count) {
  const char *from = data;
  uvec a = 0, b = 0, c = 0, d = 0;
  const long step = sizeof(uvec);
  for (long at = 0; at + 4 * step <= byte_count; at += 4 * step) {
    prefetch(from + at, 4 * step);
    a ^= (uvec)load((const float *)(from + at)), b ^= (uvec)load((const float *)(from + at + step));
    c ^= (uvec)load((const float *)(from + at + 2 * step)), d ^= (uvec)load((const float *)(from + at + 3 * step));
  }
  a ^= b ^ c ^ d;
  uint64_t result = 0;
  for (int lane = 0; lane < LANES; lane++) result = result * 31 + a[lane];
  return result;
}

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
const tantra_kernels NAMED(tantra_kernels) = {
  TEXT(SET), NAMED(forward), NAMED(stage), NAMED(linear), NAMED(all_finite), NAMED(widen), NAMED(read)};
