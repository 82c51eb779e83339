// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <system_error>

namespace throttlelens {

std::string Error::message() const {
  std::string text = "cannot " + what;
  if (!on.empty()) text += " " + on;
  std::string reason;
  if (code != 0) reason = std::generic_category().message(code);
  if (!why.empty()) reason += reason.empty() ? why : ", " + why;
  if (!reason.empty()) text += ": " + reason;
  if (!fix.empty()) text += " (" + fix + ")";
  return text;
}

Error os_error(std::string what, std::string on, int code) {
  return Error{.what = std::move(what), .on = std::move(on), .code = code};
}

}  // namespace throttlelens
