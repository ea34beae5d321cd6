// One name, several models: tokens belong to a model, so an agent does. Who sends a whole conversation under
// the name of an agent of another model is answered by a twin: an agent of its own, named by both. Pure.
#pragma once

#include <string>

#include "base/hash.h"

namespace kvasir {

// Always the same for the same two; a valid name when `agent` is one.
std::string twin_name(const std::string& agent, const Digest256& model_id);

}  // namespace kvasir
