// The arithmetic of a Mamba (Gu, Dao, 2023; as transformers' MambaForCausalLM computes it), for one sequence.
// Compiled for several instruction sets; the widest that the processor has is chosen when a team is made.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Channels of a block: per-channel arrays are padded to whole blocks and lie as (block, row, TANTRA_BLOCK).
enum { TANTRA_BLOCK = 16 };
/// Tokens that one call of tantra_mamba_forward takes at most.
enum { TANTRA_CHUNK = 128 };

/// Element types of a matrix.
enum { TANTRA_F32 = 0, TANTRA_F16 = 1, TANTRA_BF16 = 2 };

/// A row-major matrix, as a checkpoint has it; need not be aligned.
typedef struct {
  const void *data;
  long rows, columns;
  int element;
} tantra_matrix;

/// The weights of one layer. Arrays marked (n blocks) lie in blocks of channels, padded with zeros.
typedef struct {
  const float *norm;              // (hidden)
  tantra_matrix in_proj;          // (2 inner, hidden)
  const float *in_bias;           // (2 inner), or null
  const float *convolution;       // (kernel blocks)
  const float *convolution_bias;  // (1 block)
  tantra_matrix x_proj;           // (rank + 2 state, inner)
  const float *dt_proj;           // (rank blocks)
  const float *dt_bias;           // (1 block)
  const float *decay;             // (state blocks): -exp(A_log) log2(e)
  const float *skip;              // (1 block): D
  tantra_matrix out_proj;         // (hidden, inner)
  const float *out_bias;          // (hidden), or null
} tantra_layer;

/// A model: dimensions and weights, which it does not own.
typedef struct {
  long layer_count, hidden, inner, state, kernel, rank;
  long widest;  // Columns of the widest matrix of tantra_stage_forward and tantra_linear, or 0.
  float epsilon;
  const tantra_layer *layers;
  const float *norm;  // (hidden)
  tantra_matrix embeddings, head;
  const float *head_bias;  // (head's rows), or null
} tantra_mamba;

/// A 3x3 convolution with a border of one zero, LayerNorm over the channels of each pixel, and SiLU.
typedef struct {
  long inputs, outputs, row_stride, column_stride;
  tantra_matrix weight;                // (outputs, 9 inputs): kernel's row, kernel's column, input
  const float *bias, *scale, *shift;   // (outputs)
  float epsilon;
} tantra_stage;

/// Threads that compute together, the caller being one of them, with the memory they work in.
typedef struct tantra_team tantra_team;

/// Floats of the state of a sequence: for each layer the last kernel - 1 inputs of the convolution, and the scan's state.
/// All zero at the beginning of a sequence.
long tantra_mamba_state_count(const tantra_mamba *model);

/// A team for one model at a time. `set` is one of tantra_instruction_set's, or -1 for the best. Null if memory or threads
/// are lacking.
tantra_team *tantra_team_create(const tantra_mamba *model, int threads, int set);
void tantra_team_destroy(tantra_team *team);

/// Feeds 1 to TANTRA_CHUNK tokens, which must be rows of the embeddings, and advances `state`. `logits` receives the scores
/// after the last token (`all` false: one row), after each of them (`all` true), or is null. Allocates nothing. One call at
/// a time.
void tantra_mamba_forward(
  tantra_team *team, const tantra_mamba *model, float *state, const int32_t *tokens, long count, float *logits, bool all);

/// Runs one layer over 1 to TANTRA_CHUNK given rows (count, hidden), in place, and advances that layer's part of `state`.
void tantra_mamba_layer(
  tantra_team *team, const tantra_mamba *model, float *state, long layer, float *rows, long count);

/// The scores (count, head's rows) of 1 to TANTRA_CHUNK rows (count, hidden) that came out of the last layer.
void tantra_mamba_score(tantra_team *team, const tantra_mamba *model, float *rows, long count, float *logits);

/// Runs a stage over a map (rows + 2, columns + 2, inputs) whose border is zero. Writes the inside of the map that results,
/// (height + 2, width + 2, outputs); its height is (rows - 1) / row_stride + 1, its width likewise. Leaves the border alone.
/// On the calling thread only.
void tantra_stage_forward(
  tantra_team *team, const tantra_stage *stage, const float *in, long rows, long columns, float *out);

/// y (count, w's rows) = x (count, w's columns) W^T + bias, which may be null. On the calling thread only.
void tantra_linear(
  tantra_team *team, const tantra_matrix *w, const float *bias, const float *x, long count, float *y);

/// The name of an instruction set that this processor has, from 0 on, the best last; null beyond.
const char *tantra_instruction_set(int index);

/// Whether none of the elements is a NaN or an infinity.
bool tantra_all_finite(const void *data, long count, int element);

/// Converts elements to float.
void tantra_widen(const void *data, long count, int element, float *out);

/// Reads every byte once, as fast as the processor loads, and answers with a number that depends on all of them: measures
/// the bandwidth that a decoder could have.
uint64_t tantra_read(const void *data, long byte_count);
