// Conversations as the model's chat template takes them. Values only, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvasir {

enum class Role { kSystem, kUser, kAssistant };

const char* to_string(Role role);

struct ChatMessage {
    Role role = Role::kUser;
    std::string content;
    friend bool operator==(const ChatMessage&, const ChatMessage&) = default;
};

enum class GenerationPrompt { kNo, kYes };

struct ChatPrompt {
    std::vector<ChatMessage> messages;
    GenerationPrompt generation_prompt = GenerationPrompt::kYes;
    // The "now" that templates with a date see. An agent's own creation time, so that its prefix never
    // changes.
    std::int64_t now_unix_ms = 0;
};

}  // namespace kvasir
