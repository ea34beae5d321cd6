// Helpers for tests on the real engine, in the exact setting: one thread, so that logits do not depend on
// where cells lie. Owned by the test that includes it; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/llama_engine.h"

namespace kvasir::test {

inline const std::string kPlainModel = KVASIR_TEST_MODELS_DIR "/llama-dense.gguf";
inline const std::string kWindowModel = KVASIR_TEST_MODELS_DIR "/gemma3-dense.gguf";
inline const std::string kDemoModel = KVASIR_DEMO_MODEL;

using Logits = std::vector<float>;

inline LlamaOptions exact_options(const std::string& model, const std::string& kv_type = "f16") {
    LlamaOptions options;
    options.model_path = model;
    options.context_tokens = 1024;
    options.sequences = 3;
    options.batch_tokens = 256;
    options.threads = 1;
    options.kv_type_k = kv_type;
    options.kv_type_v = kv_type;
    return options;
}

inline std::unique_ptr<Engine> open_or_throw(const LlamaOptions& options) {
    auto engine = open_llama_engine(options);
    if (!engine) throw std::runtime_error(engine.error().message);
    return std::move(*engine);
}

inline SequenceId open_sequence(Engine& engine) { return engine.open_sequence().value(); }

// The same for the same seed; ordinary tokens only.
inline std::vector<Token> random_tokens(const Engine& engine, std::uint32_t seed, Position count) {
    std::mt19937 random(seed);
    std::vector<Token> tokens(count);
    for (Token& token : tokens)
        token = static_cast<Token>(4 + random() % (engine.model().vocabulary_size - 4));
    return tokens;
}

// Decodes tokens behind what the sequence holds; logits of the last.
inline Status feed(Engine& engine, SequenceId sequence, const std::vector<Token>& tokens) {
    std::vector<BatchRow> rows;
    const Position begin = engine.length(sequence);
    for (Position i = 0; i < tokens.size(); ++i) {
        rows.push_back({sequence, tokens[i], begin + i, i + 1 == tokens.size()});
        if (rows.size() < engine.model().batch_tokens && i + 1 < tokens.size()) continue;
        KVASIR_TRY(engine.decode(rows));
        if (i + 1 < tokens.size()) rows.clear();
    }
    return {};
}

inline Token greedy(const Logits& logits) {
    return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Decodes `token`, then what greedy choice makes of it; the logits after each.
inline std::vector<Logits> continue_greedily(Engine& engine, SequenceId sequence, Token token,
                                             Position count) {
    std::vector<Logits> all;
    for (Position i = 0; i < count; ++i) {
        const BatchRow row{sequence, token, engine.length(sequence), true};
        const Status decoded = engine.decode(std::span(&row, 1));
        if (!decoded) throw std::runtime_error(decoded.error().message);
        const auto logits = engine.logits(0);
        all.emplace_back(logits.begin(), logits.end());
        token = greedy(all.back());
    }
    return all;
}

struct SavedRows {
    Plane plane = Plane::kAppend;
    TokenRange range;
    std::vector<std::byte> image;
};

// All rows that a restore needs, in the order in which it imports them: append rows in blocks, then window
// rows.
inline std::vector<SavedRows> save(Engine& engine, SequenceId sequence, Position block = 256) {
    std::vector<SavedRows> saved;
    const Position end = engine.length(sequence);
    const auto add = [&](Plane plane, Position from) {
        for (Position begin = from; begin < end; begin += block) {
            SavedRows rows{plane, {begin, std::min(begin + block, end)}, {}};
            const Status exported = engine.export_rows(sequence, plane, rows.range, rows.image);
            if (!exported) throw std::runtime_error(exported.error().message);
            saved.push_back(std::move(rows));
        }
    };
    if (engine.kv_layout().has_rows()) add(Plane::kAppend, 0);
    if (engine.kv_layout().window_tokens > 0) add(Plane::kWindow, engine.kv_layout().window_range(end).begin);
    return saved;
}

inline Status restore(Engine& engine, SequenceId sequence, const std::vector<SavedRows>& saved) {
    for (const SavedRows& rows : saved) {
        KVASIR_TRY(engine.import_rows(sequence, rows.plane, rows.range, rows.image));
    }
    return {};
}

}  // namespace kvasir::test
