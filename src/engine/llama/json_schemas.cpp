#include "engine/llama/json_schemas.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace kvasir {

namespace {

namespace json = boost::json;

json::value parse(std::string_view text, json::error_code& error) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    return json::parse({text.data(), text.size()}, error, {}, options);
}

// Those that llama-common turns into rules: anchored, without classes like \d and groups other than (...) and
// (?:...).
bool is_enforceable(std::string_view pattern) {
    constexpr const char* kEscapes = "^$.[]()|{}*+?\\\"tnr-";
    if (pattern.size() < 2 || !pattern.starts_with('^') || !pattern.ends_with('$')) return false;
    pattern = pattern.substr(1, pattern.size() - 2);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view rest = pattern.substr(i);
        if (rest[0] == '^' && (i == 0 || pattern[i - 1] != '[')) return false;
        if (rest[0] == '$') return false;
        if (rest.starts_with("(?") && !rest.starts_with("(?:")) return false;
        if (rest[0] != '\\') continue;
        if (rest.size() < 2 || std::strchr(kEscapes, rest[1]) == nullptr) return false;
        ++i;
    }
    return true;
}

class SchemaCheck {
  public:
    explicit SchemaCheck(Unenforceable handling) : handling_(handling) {}

    Status check(json::object& schema) {
        KVASIR_TRY(check_pattern(schema));
        KVASIR_TRY(check_counts(schema));
        for (const char* named : {"properties", "$defs", "definitions"}) {
            json::value* members = schema.if_contains(named);
            if (members == nullptr || !members->is_object()) continue;
            for (auto& member : members->as_object()) KVASIR_TRY(check_any(member.value()));
        }
        for (const char* inner :
             {"items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf"}) {
            if (json::value* value = schema.if_contains(inner)) KVASIR_TRY(check_any(*value));
        }
        return {};
    }

    bool changed() const { return changed_; }

  private:
    Status check_any(json::value& value) {
        if (value.is_object()) return check(value.as_object());
        if (!value.is_array()) return {};
        for (json::value& item : value.as_array()) KVASIR_TRY(check_any(item));
        return {};
    }

    Status check_pattern(json::object& schema) {
        const json::value* pattern = schema.if_contains("pattern");
        if (pattern == nullptr || !pattern->is_string() || is_enforceable(pattern->as_string())) return {};
        return handle(schema, "pattern");
    }

    Status check_counts(json::object& schema) {
        for (const char* name : {"minItems", "maxItems", "minLength", "maxLength"}) {
            const json::value* count = schema.if_contains(name);
            if (count == nullptr || !count->is_number()) continue;
            if (count->to_number<double>() > static_cast<double>(kSchemaRepeatsMax))
                KVASIR_TRY(handle(schema, name));
        }
        return {};
    }

    Status handle(json::object& schema, const char* keyword) {
        if (handling_ == Unenforceable::kRefuse) {
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("the JSON schema cannot be enforced: {} {}", keyword,
                                    json::serialize(schema.at(keyword))));
        }
        schema.stable_erase(schema.find(keyword));
        changed_ = true;
        return {};
    }

    Unenforceable handling_;
    bool changed_ = false;
};

}  // namespace

bool is_json_object(std::string_view text) {
    json::error_code error;
    return parse(text, error).is_object() && !error;
}

std::string json_string(std::string_view text) {
    return json::serialize(json::string_view(text.data(), text.size()));
}

Result<std::string> enforceable_schema(const std::string& schema, Unenforceable handling) {
    json::error_code error;
    json::value parsed = parse(schema, error);
    if (error) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the JSON schema is no JSON: {}", error.message()));
    }
    if (!parsed.is_object()) return fail(ErrorCode::kInvalidArgument, "the JSON schema is no JSON object");
    if (parsed.as_object().empty()) return std::string(R"({"type":"object"})");
    SchemaCheck check(handling);
    KVASIR_TRY(check.check(parsed.as_object()));
    return check.changed() ? json::serialize(parsed) : schema;
}

}  // namespace kvasir
