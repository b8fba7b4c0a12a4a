#define NAMED(name) name##_baseline
#include "Kernels.h"
