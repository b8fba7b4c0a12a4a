// Elements to planes and back, once for each set of instructions: included with NAMED(name) defined.
//
// Width, rotation and difference are constants wherever a loop runs, so that each combination is a loop of its own, which the compiler
// turns into vectors.

#define ELEMENTS(type, bits)                                                                                             \
  FORCED void cut_##bits(                                                                                                \
      const uint8_t *restrict bytes, const uint8_t *restrict base, uint8_t *restrict planes, size_t stride, size_t count, \
      int rotates, int differs) {                                                                                        \
    for (size_t i = 0; i < count; i++) {                                                                                 \
      type element;                                                                                                      \
      memcpy(&element, bytes + i * sizeof(type), sizeof(type));                                                          \
      if (differs) {                                                                                                     \
        type from;                                                                                                       \
        memcpy(&from, base + i * sizeof(type), sizeof(type));                                                            \
        const type difference = (type)(element - from);                                                                  \
        /* 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */                                                                   \
        element = (type)((type)(difference << 1) ^ (type)(0 - (type)(difference >> (bits - 1))));                        \
      }                                                                                                                  \
      if (rotates) element = (type)((type)(element << 1) | (type)(element >> (bits - 1)));                               \
      _Pragma("clang loop unroll(full)") for (size_t k = 0; k < sizeof(type); k++)                                       \
          planes[k * stride + i] = (uint8_t)(element >> (8 * k));                                                        \
    }                                                                                                                    \
  }                                                                                                                      \
  FORCED void join_##bits(                                                                                               \
      const uint8_t *restrict planes, const uint8_t *restrict base, uint8_t *restrict bytes, size_t count, int rotates,  \
      int differs) {                                                                                                     \
    for (size_t i = 0; i < count; i++) {                                                                                 \
      type element = 0;                                                                                                  \
      _Pragma("clang loop unroll(full)") for (size_t k = 0; k < sizeof(type); k++)                                       \
          element = (type)(element | (type)((type)planes[k * count + i] << (8 * k)));                                    \
      if (rotates) element = (type)((type)(element >> 1) | (type)(element << (bits - 1)));                               \
      if (differs) {                                                                                                     \
        type from;                                                                                                       \
        memcpy(&from, base + i * sizeof(type), sizeof(type));                                                            \
        element = (type)((type)((type)(element >> 1) ^ (type)(0 - (type)(element & 1))) + from);                         \
      }                                                                                                                  \
      memcpy(bytes + i * sizeof(type), &element, sizeof(type));                                                          \
    }                                                                                                                    \
  }

ELEMENTS(uint8_t, 8)
ELEMENTS(uint16_t, 16)
ELEMENTS(uint32_t, 32)
ELEMENTS(uint64_t, 64)
#undef ELEMENTS

// A loop for each transform: the branch is taken once a block.
#define EACH(call, rotates, differs)  \
  do {                                \
    if (rotates) {                    \
      if (differs) call(1, 1);        \
      else call(1, 0);                \
    } else {                          \
      if (differs) call(0, 1);        \
      else call(0, 0);                \
    }                                 \
  } while (0)

void NAMED(tantra_cut)(
    const uint8_t *bytes, const uint8_t *base, uint8_t *planes, size_t stride, size_t count, int transform) {
  const int rotates = transform & TANTRA_PLANES_ROTATE, differs = transform & TANTRA_PLANES_DELTA;
#define CUT_8(r, d) cut_8(bytes, base, planes, stride, count, r, d)
#define CUT_16(r, d) cut_16(bytes, base, planes, stride, count, r, d)
#define CUT_32(r, d) cut_32(bytes, base, planes, stride, count, r, d)
#define CUT_64(r, d) cut_64(bytes, base, planes, stride, count, r, d)
  switch (transform & TANTRA_PLANES_WIDTH) {
  case 0: EACH(CUT_8, rotates, differs); break;
  case 1: EACH(CUT_16, rotates, differs); break;
  case 2: EACH(CUT_32, rotates, differs); break;
  default: EACH(CUT_64, rotates, differs); break;
  }
#undef CUT_8
#undef CUT_16
#undef CUT_32
#undef CUT_64
}

void NAMED(tantra_join)(const uint8_t *planes, const uint8_t *base, uint8_t *bytes, size_t count, int transform) {
  const int rotates = transform & TANTRA_PLANES_ROTATE, differs = transform & TANTRA_PLANES_DELTA;
#define JOIN_8(r, d) join_8(planes, base, bytes, count, r, d)
#define JOIN_16(r, d) join_16(planes, base, bytes, count, r, d)
#define JOIN_32(r, d) join_32(planes, base, bytes, count, r, d)
#define JOIN_64(r, d) join_64(planes, base, bytes, count, r, d)
  switch (transform & TANTRA_PLANES_WIDTH) {
  case 0: EACH(JOIN_8, rotates, differs); break;
  case 1: EACH(JOIN_16, rotates, differs); break;
  case 2: EACH(JOIN_32, rotates, differs); break;
  default: EACH(JOIN_64, rotates, differs); break;
  }
#undef JOIN_8
#undef JOIN_16
#undef JOIN_32
#undef JOIN_64
}
#undef EACH
