#include "api/models.h"

#include <array>
#include <ctime>

#include "api/json_text.h"

namespace kvasir {

namespace json = boost::json;

namespace {

json::object with_state(json::object object, const ModelCard& model) {
    if (model.state.empty()) return object;
    object["state"] = model.state;
    object["aliases"] = json::array(model.aliases.begin(), model.aliases.end());
    return object;
}

json::object openai_json(const ModelCard& model) {
    return with_state({{"id", model.id},
                       {"object", "model"},
                       {"created", model.created_unix_s},
                       {"owned_by", "kvasir"},
                       {"context_length", model.context_tokens}},
                      model);
}

std::string rfc3339(std::int64_t unix_s) {
    const auto time = static_cast<std::time_t>(unix_s);
    std::tm parts{};
    if (gmtime_r(&time, &parts) == nullptr) return "1970-01-01T00:00:00Z";
    std::array<char, 32> text{};
    const std::size_t bytes = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return std::string(text.data(), bytes);
}

json::object anthropic_json(const ModelCard& model) {
    return with_state({{"type", "model"},
                       {"id", model.id},
                       {"display_name", model.display_name.empty() ? model.id : model.display_name},
                       {"created_at", rfc3339(model.created_unix_s)},
                       {"max_input_tokens", model.context_tokens}},
                      model);
}

}  // namespace

std::string openai_models(std::span<const ModelCard> models) {
    json::array data;
    for (const ModelCard& model : models) data.push_back(openai_json(model));
    return to_json_text({{"object", "list"}, {"data", std::move(data)}});
}

std::string openai_model(const ModelCard& model) { return to_json_text(openai_json(model)); }

std::string anthropic_models(std::span<const ModelCard> models) {
    json::array data;
    for (const ModelCard& model : models) data.push_back(anthropic_json(model));
    json::object list{
        {"data", std::move(data)}, {"has_more", false}, {"first_id", nullptr}, {"last_id", nullptr}};
    if (!models.empty()) {
        list["first_id"] = models.front().id;
        list["last_id"] = models.back().id;
    }
    return to_json_text(list);
}

std::string anthropic_model(const ModelCard& model) { return to_json_text(anthropic_json(model)); }

}  // namespace kvasir
