#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"))), apply_to = function)
#define LANES 16
#define TILE_ROWS 8
#define CONVERTS_HALF 1
#define SET avx512
#define NAMED(name) name##_avx512
#include "Forward.h"
#pragma clang attribute pop
#endif
