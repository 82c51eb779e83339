/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fixed-width types for both sides of a shared layout.
 */
#ifndef TL_BPF_ABI_TYPES_H
#define TL_BPF_ABI_TYPES_H

#ifdef __bpf__
typedef unsigned int tl_u32;
typedef unsigned long long tl_u64;
typedef long long tl_s64;
#else
#include <stdint.h>
typedef uint32_t tl_u32;
typedef uint64_t tl_u64;
typedef int64_t tl_s64;
#endif

#ifdef __cplusplus
#define TL_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define TL_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif

#endif
