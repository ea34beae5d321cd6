// JSON that comes from clients and models, checked before llama-common sees it. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

inline constexpr std::size_t kJsonDepthMax = 64;  // of schemas and arguments; what comes after would recurse
inline constexpr std::int64_t kSchemaRepeatsMax = 2000;  // more than a grammar can count

bool is_json_object(std::string_view text);
std::string json_string(std::string_view text);  // in quotes

// What a schema asks for and no grammar enforces.
enum class Unenforceable {
    kRefuse,  // kInvalidArgument, with the reason
    kDrop,    // of the parameters of tools: who runs a tool looks at its arguments anyway
};

// The schema, as llama-common takes it without complaint. "{}" becomes the schema of any object.
// kInvalidArgument: no JSON object, or nested too deep.
Result<std::string> enforceable_schema(const std::string& schema, Unenforceable handling);

}  // namespace kvasir
