// GET /v1/models and /v1/models/{id}, in the form of each protocol. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kvasir {

struct ModelCard {
    std::string id;  // also "model@agent", so that pickers of clients offer agents
    std::string display_name;
    std::int64_t created_unix_s = 0;
    std::uint64_t context_tokens = 0;
    std::string state = {};  // "" not told
    std::vector<std::string> aliases = {};
};

std::string openai_models(std::span<const ModelCard> models);
std::string openai_model(const ModelCard& model);
std::string anthropic_models(std::span<const ModelCard> models);
std::string anthropic_model(const ModelCard& model);

}  // namespace kvasir
