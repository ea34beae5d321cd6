// Formats planned lately: an agent comes with the same tools turn after turn, and to make parser and grammar
// of them takes longer than to decode a token. Thread-safe; owned by LlamaText.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "base/hash.h"
#include "engine/chat.h"

namespace kvasir {

inline constexpr std::size_t kFormatsKept = 32;

class FormatCache {
  public:
    std::shared_ptr<const AnswerFormat> find(const Digest256& key);  // null: not there
    void add(const Digest256& key, std::shared_ptr<const AnswerFormat> format);

  private:
    std::mutex mutex_;
    std::list<std::pair<Digest256, std::shared_ptr<const AnswerFormat>>> formats_;  // the latest first
};

// Everything that a format depends on. Of the messages that is how the answer begins.
Digest256 format_key(const ChatPrompt& prompt, const AnswerConstraint& constraint,
                     const std::string& generation_prompt);

}  // namespace kvasir
