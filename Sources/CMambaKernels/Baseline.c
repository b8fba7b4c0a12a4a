#define LANES 4
#define TILE_ROWS 4
#define SET baseline
#define NAMED(name) name##_baseline
#include "Forward.h"
