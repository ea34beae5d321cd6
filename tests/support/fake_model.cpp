#include "support/fake_model.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace kvasir::test {

namespace {

std::uint64_t scramble(std::uint64_t value) {  // splitmix64
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
}

std::uint64_t combine(std::uint64_t a, std::uint64_t b) {
    return scramble(scramble(a) ^ (b + 0x632be59bd9b4e019U));
}

void fill(std::uint64_t seed, std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (i % 8 == 0) seed = scramble(seed);
        out[i] = static_cast<std::byte>((seed >> (8 * (i % 8))) & 0xffU);
    }
}

KvLayout make_layout(const FakeEngineOptions& options) {
    KvLayout layout;
    const auto layer = [&](std::uint32_t index) {
        return KvLayer{index, options.kv_type, options.kv_type, options.key_row_bytes,
                       options.value_row_bytes};
    };
    for (std::uint32_t i = 0; i < options.append_layers; ++i) layout.append.push_back(layer(i));
    if (options.window_tokens > 0) {
        for (std::uint32_t i = 0; i < options.window_layers; ++i) {
            layout.window.push_back(layer(options.append_layers + i));
        }
    }
    layout.window_tokens = options.window_tokens;
    layout.window_shape = options.window_shape;
    layout.snapshot_form = options.snapshot;
    if (options.snapshot == SnapshotForm::kParts)
        layout.snapshot = {{"layer_7.r", 16}, {"layer_7.s", options.snapshot_bytes - 16}};
    return layout;
}

Fingerprint make_fingerprint(const FakeEngineOptions& options) {
    auto fingerprint = Fingerprint::make({{"weights", options.weights}, {"tokenizer", "bytes"}},
                                         {{"kv_type_k", options.kv_type},
                                          {"kv_type_v", options.kv_type},
                                          {"window", std::to_string(options.window_tokens)}});
    assert(fingerprint);
    return std::move(*fingerprint);
}

}  // namespace

FakeModel::FakeModel(const FakeEngineOptions& options)
    : options_(options), layout_(make_layout(options)), fingerprint_(make_fingerprint(options)) {
    assert(options.append_layers > 0 || options.snapshot != SnapshotForm::kNone);
    assert(options.key_row_bytes >= 8);
    std::memcpy(&first_state_, fingerprint_.digest().bytes.data(), sizeof first_state_);
}

std::uint64_t FakeModel::next_state(std::uint64_t state, Token token) {
    return combine(state, static_cast<std::uint64_t>(token) + 1);
}

std::vector<std::byte> FakeModel::row(Plane plane, std::uint64_t state) const {
    std::vector<std::byte> bytes(layout_.row_bytes(plane));
    std::size_t offset = 0;
    for (const KvLayer& layer : layout_.layers(plane)) {
        const std::size_t size = layer.key_row_bytes + layer.value_row_bytes;
        fill(combine(state, layer.index), std::span(bytes).subspan(offset, size));
        offset += size;
    }
    if (plane == Plane::kAppend && !bytes.empty()) std::memcpy(bytes.data(), &state, sizeof state);
    return bytes;
}

std::uint64_t FakeModel::state_of(std::span<const std::byte> append_row) {
    std::uint64_t state = 0;
    std::memcpy(&state, append_row.data(), sizeof state);
    return state;
}

std::uint64_t FakeModel::snapshot_bytes(Position end) const {
    // An opaque state grows with what it holds.
    return options_.snapshot == SnapshotForm::kOpaque ? 24 + end / 4 : options_.snapshot_bytes;
}

std::vector<std::byte> FakeModel::snapshot(std::uint64_t state, Position end) const {
    std::vector<std::byte> bytes(snapshot_bytes(end));
    fill(combine(state, end), bytes);
    return bytes;
}

std::uint64_t FakeModel::snapshot_hash(std::span<const std::byte> snapshot) const {
    return snapshot.empty() ? first_state_ : row_hash(snapshot);
}

std::uint64_t FakeModel::row_hash(std::span<const std::byte> row) { return frame_checksum({}, 0, row).low; }

std::uint64_t FakeModel::chain_hash(std::uint64_t before, std::uint64_t row_hash) {
    return combine(before, row_hash);
}

void FakeModel::fill_logits(std::uint64_t append_hash, std::uint64_t window_hash, std::span<float> logits) {
    const std::uint64_t seed = combine(append_hash, window_hash);
    for (std::size_t token = 0; token < logits.size(); ++token) {
        const float noise = static_cast<float>(combine(seed, token) >> 40U) / static_cast<float>(1U << 24U);
        const bool printable = token >= 32 && token < 127;
        logits[token] = printable ? noise : noise - 20.0F;  // answers are readable text
    }
    if (scramble(seed) % 12 == 0) logits[static_cast<std::size_t>(kFakeImEnd)] = 2.0F;
}

Token greedy(std::span<const float> logits) {
    return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<Token> exact_answer(const FakeModel& model, std::span<const Token> prompt,
                                std::uint32_t answer_tokens_max) {
    std::uint64_t state = model.first_state();
    std::uint64_t snapshot_hash = model.first_state();
    std::uint64_t append_hash = 0;
    Position evaluated = 0;
    std::vector<std::uint64_t> window_hashes;
    const auto evaluate = [&](Token token) {
        state = FakeModel::next_state(state, token);
        ++evaluated;
        append_hash =
            FakeModel::chain_hash(append_hash, FakeModel::row_hash(model.row(Plane::kAppend, state)));
        if (model.layout().has_window())
            window_hashes.push_back(FakeModel::row_hash(model.row(Plane::kWindow, state)));
        if (model.layout().has_snapshot()) {
            const std::uint64_t next = FakeModel::next_state(snapshot_hash, token);
            snapshot_hash = model.snapshot_hash(model.snapshot(next, evaluated));
        }
    };
    for (const Token token : prompt) evaluate(token);
    std::vector<Token> answer;
    std::vector<float> logits(kFakeVocabulary);
    while (answer.size() < answer_tokens_max) {
        std::uint64_t window_hash = 0;
        const auto range = model.layout().window_range(static_cast<Position>(window_hashes.size()));
        for (Position i = range.begin; i < range.end; ++i) {
            window_hash = FakeModel::chain_hash(window_hash, window_hashes[i]);
        }
        if (model.layout().has_snapshot()) window_hash = FakeModel::chain_hash(window_hash, snapshot_hash);
        FakeModel::fill_logits(append_hash, window_hash, logits);
        answer.push_back(greedy(logits));
        if (answer.back() == kFakeImEnd) break;
        evaluate(answer.back());
    }
    return answer;
}

}  // namespace kvasir::test
