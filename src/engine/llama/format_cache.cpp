#include "engine/llama/format_cache.h"

#include <algorithm>

namespace kvasir {

std::shared_ptr<const AnswerFormat> FormatCache::find(const Digest256& key) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(formats_.begin(), formats_.end(), [&](const auto& kept) { return kept.first == key; });
    if (found == formats_.end()) return nullptr;
    formats_.splice(formats_.begin(), formats_, found);
    return found->second;
}

void FormatCache::add(const Digest256& key, std::shared_ptr<const AnswerFormat> format) {
    const std::lock_guard lock(mutex_);
    formats_.emplace_front(key, std::move(format));
    if (formats_.size() > kFormatsKept) formats_.pop_back();
}

Digest256 format_key(const ChatPrompt& prompt, const AnswerConstraint& constraint,
                     const std::string& generation_prompt) {
    Sha256 hash("kvasir.answer_format.v1");
    hash.field("generation_prompt", generation_prompt);
    hash.field("thinking", static_cast<std::uint64_t>(prompt.thinking));
    hash.field("tools", std::uint64_t{prompt.tools.size()});
    for (const ToolDefinition& tool : prompt.tools)
        hash.field("name", tool.name)
            .field("description", tool.description)
            .field("parameters", tool.parameters);
    hash.field("choice", static_cast<std::uint64_t>(constraint.tool_choice));
    hash.field("tool", constraint.tool_name);
    hash.field("parallel", static_cast<std::uint64_t>(constraint.parallel));
    return hash.field("schema", constraint.json_schema).finish();
}

}  // namespace kvasir
