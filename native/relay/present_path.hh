#pragma once

#include <optional>
#include <string>

namespace relay {

/** Where a directory that we hold open stands now, whoever has moved it since; nothing where it stands nowhere any more. */
std::optional<std::string> present_path(int directory);

}  // namespace relay
