#pragma once

#include <cstdio>
#include <cstdlib>

/// Broken invariants of ours: says where and dies, in every build. Never for what users, peers, the
/// kernel or the disk can cause (that is a Status).
#define COXSWAIN_ASSERT(condition, ...)                                                      \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
