// libdeflate for Swift: CRC-32 at memory speed.
#pragma once
#include <libdeflate.h>
