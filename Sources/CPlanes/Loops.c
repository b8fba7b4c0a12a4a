// The loops over elements, once for any processor and once for AVX2.
#include "CPlanes.h"
#include <string.h>

#define FORCED static inline __attribute__((always_inline))
#define NAMED(name) name##_baseline
#include "Planes.h"
