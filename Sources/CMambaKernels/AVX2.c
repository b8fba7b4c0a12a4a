#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define LANES 8
#define TILE_ROWS 4
#define CONVERTS_HALF 1
#define SET avx2
#define NAMED(name) name##_avx2
#include "Forward.h"
#pragma clang attribute pop
#endif
