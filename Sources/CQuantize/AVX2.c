#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#define CONVERTS_HALF 1
#define NAMED(name) name##_avx2
#include "Kernels.h"
#pragma clang attribute pop
#endif
