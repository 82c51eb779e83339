// SPDX-License-Identifier: Apache-2.0
// One function a subcommand; each returns the exit code.
#pragma once

#include "cli/arguments.h"

namespace throttlelens {

int run_command(const RunArguments& arguments);
int snapshot_command(const SnapshotArguments& arguments);
int top_command(const TopArguments& arguments);
int doctor_command(const DoctorArguments& arguments);
int check_config_command(const CheckConfigArguments& arguments);
int metrics_command(const MetricsArguments& arguments);
int version_command(const VersionArguments& arguments);

}  // namespace throttlelens
