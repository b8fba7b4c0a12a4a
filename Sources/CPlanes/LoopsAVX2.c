#include "CPlanes.h"
#include <string.h>

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define FORCED static inline __attribute__((always_inline))
#define NAMED(name) name##_avx2
#include "Planes.h"
#pragma clang attribute pop
#endif
