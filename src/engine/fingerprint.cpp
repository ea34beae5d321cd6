#include "engine/fingerprint.h"

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

namespace kvasir {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Status check_fields(const Fields& fields) {
    for (const auto& [name, value] : fields) {
        if (name.empty() || value.empty() || name.find_first_of("=\n") != std::string::npos ||
            value.find('\n') != std::string::npos) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("the fingerprint field '{}' is not known for this model: its KV cannot be kept",
                            name));
        }
    }
    return {};
}

void add_fields(Sha256& hash, const Fields& fields) {
    for (const auto& [name, value] : fields) hash.field(name, value);
}

std::map<std::string, std::string> parse(const std::string& text) {
    std::map<std::string, std::string> fields;
    std::string_view left = text;
    while (!left.empty()) {
        const std::size_t end = std::min(left.find('\n'), left.size());
        const std::string_view line = left.substr(0, end);
        if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
            fields.emplace(line.substr(0, equals), line.substr(equals + 1));
        }
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    return fields;
}

}  // namespace

Result<Fingerprint> Fingerprint::make(Fields model_fields, Fields kv_fields) {
    KVASIR_TRY(check_fields(model_fields));
    KVASIR_TRY(check_fields(kv_fields));
    Fingerprint made;
    Sha256 model("kvasir.model.v1");
    add_fields(model, model_fields);
    made.model_id_ = model.finish();
    Sha256 whole("kvasir.fingerprint.v1");
    whole.field("model_id", made.model_id_);
    add_fields(whole, kv_fields);
    made.digest_ = whole.finish();
    made.model_fields_ = std::move(model_fields);
    made.kv_fields_ = std::move(kv_fields);
    return made;
}

std::string Fingerprint::text() const {
    std::string text;
    for (const Fields* fields : {&model_fields_, &kv_fields_}) {
        for (const auto& [name, value] : *fields) text += name + "=" + value + "\n";
    }
    return text;
}

std::vector<std::string> fingerprint_differences(const std::string& stored_text,
                                                 const std::string& current_text) {
    const auto stored = parse(stored_text);
    const auto current = parse(current_text);
    std::vector<std::string> differences;
    for (const auto& [name, value] : stored) {
        const auto found = current.find(name);
        if (found == current.end()) {
            differences.push_back(fmt::format("{}: {} -> (gone)", name, value));
        } else if (found->second != value) {
            differences.push_back(fmt::format("{}: {} -> {}", name, value, found->second));
        }
    }
    for (const auto& [name, value] : current) {
        if (!stored.contains(name)) differences.push_back(fmt::format("{}: (new) -> {}", name, value));
    }
    return differences;
}

}  // namespace kvasir
