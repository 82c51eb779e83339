// SPDX-License-Identifier: Apache-2.0
// The command line: `throttlelens COMMAND …`.
#pragma once

namespace throttlelens {

/// 0 done, 1 could not do it, 2 wrong usage.
int run_cli(int argc, const char* const* argv);

}  // namespace throttlelens
