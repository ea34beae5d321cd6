#include "oracle/witness_engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace kvasir::test {

namespace {

class WitnessSampler : public Sampler {
  public:
    WitnessSampler(std::unique_ptr<Sampler> inner, const Engine& engine, std::vector<std::uint64_t>& witness)
        : inner_(std::move(inner)), engine_(engine), witness_(witness) {}

    Token sample(std::size_t row) override {
        witness_.push_back(frame_checksum({}, 0, std::as_bytes(engine_.logits(row))).low);
        return inner_->sample(row);
    }

  private:
    std::unique_ptr<Sampler> inner_;
    const Engine& engine_;
    std::vector<std::uint64_t>& witness_;
};

// Where row `index` of layer `layer`'s keys begins in a row image.
std::size_t key_row_offset(const std::vector<KvLayer>& layers, std::size_t layer, Position rows,
                           Position index) {
    std::size_t offset = 0;
    for (std::size_t i = 0; i < layer; ++i) {
        offset += (layers[i].key_row_bytes + layers[i].value_row_bytes) * rows;
    }
    return offset + layers[layer].key_row_bytes * index;
}

// Calls `visit` with offset and row bytes of every tensor of a row image.
template <class Visit>
void for_each_tensor(const std::vector<KvLayer>& layers, Position rows, const Visit& visit) {
    std::size_t offset = 0;
    for (const KvLayer& layer : layers) {
        for (const std::uint64_t row_bytes : {layer.key_row_bytes, layer.value_row_bytes}) {
            visit(offset, row_bytes);
            offset += row_bytes * rows;
        }
    }
}

// The sign bit of the keys' last element, f16 or the high byte of a quant: finite, and another value.
void alter_row(const std::vector<KvLayer>& layers, Position rows, std::vector<std::byte>& image) {
    image[key_row_offset(layers, 0, rows, rows / 2 + 1) - 1] ^= std::byte{0x80};
}

void lose_row(const std::vector<KvLayer>& layers, Position rows, std::vector<std::byte>& image) {
    std::memset(image.data() + key_row_offset(layers, 0, rows, rows / 2), 0, layers.front().key_row_bytes);
}

void alter_middle(std::vector<std::byte>& state) {
    const std::size_t middle = state.size() / 2;
    for (std::size_t i = middle; i < std::min(state.size(), middle + 8); ++i) state[i] ^= std::byte{0x40};
}

}  // namespace

Result<std::unique_ptr<Sampler>> WitnessEngine::make_sampler(const SamplingOptions& options) {
    KVASIR_TRY_ASSIGN(auto sampler, ForwardingEngine::make_sampler(options));
    return std::make_unique<WitnessSampler>(std::move(sampler), *this, witness_);
}

void WitnessEngine::sabotage_append(TokenRange range, std::vector<std::byte>& image) {
    const std::vector<KvLayer>& layers = kv_layout().append;
    if (sabotage_ == Sabotage::kAlterOneRow && range.begin == 0) alter_row(layers, range.size(), image);
    if (sabotage_ == Sabotage::kShiftPositions) {
        for_each_tensor(layers, range.size(), [&](std::size_t offset, std::uint64_t row_bytes) {
            // Row i moves to i + 1; the first stands twice, the last is gone.
            std::memmove(image.data() + offset + row_bytes, image.data() + offset,
                         row_bytes * (range.size() - 1));
        });
    }
    if (sabotage_ == Sabotage::kSwapAgents && range.begin == 0) {
        const std::vector<std::byte> own = image;
        const Position rows = std::min(former_rows_, range.size());
        std::size_t former_offset = 0;
        for_each_tensor(layers, range.size(), [&](std::size_t offset, std::uint64_t row_bytes) {
            std::memcpy(image.data() + offset, former_.data() + former_offset, row_bytes * rows);
            former_offset += row_bytes * former_rows_;
        });
        former_ = own;
        former_rows_ = range.size();
    }
}

Status WitnessEngine::import_rows(SequenceId sequence, Plane plane, TokenRange range,
                                  std::span<const std::byte> image) {
    std::vector<std::byte> changed(image.begin(), image.end());
    if (plane == Plane::kAppend) sabotage_append(range, changed);
    if (plane == Plane::kWindow && sabotage_ == Sabotage::kLoseWindowRow)
        lose_row(kv_layout().window, range.size(), changed);
    return ForwardingEngine::import_rows(sequence, plane, range, changed);
}

Status WitnessEngine::import_rows_in_parts(SequenceId sequence, Plane plane, TokenRange range,
                                           RowSource& source) {
    if (sabotage_ == Sabotage::kNone) return inner().import_rows_in_parts(sequence, plane, range, source);
    return ForwardingEngine::import_rows_in_parts(sequence, plane, range, source);
}

Status WitnessEngine::import_snapshot(SequenceId sequence, Position position,
                                      std::span<const std::byte> state) {
    std::vector<std::byte> changed(state.begin(), state.end());
    if (sabotage_ == Sabotage::kLoseState) std::fill(changed.begin(), changed.end(), std::byte{0});
    if (sabotage_ == Sabotage::kAlterState && !changed.empty()) changed.back() ^= std::byte{0x80};
    if (sabotage_ == Sabotage::kAlterMiddleOfState) alter_middle(changed);
    return ForwardingEngine::import_snapshot(sequence, position, changed);
}

Status WitnessEngine::fork(SequenceId from, SequenceId to, Position position) {
    KVASIR_TRY(ForwardingEngine::fork(from, to, position));
    const bool altered = sabotage_ == Sabotage::kAlterForkedRow ||
                         sabotage_ == Sabotage::kLoseForkedWindowRow ||
                         sabotage_ == Sabotage::kAlterForkedState;
    return altered ? make_again(to, position) : Status();
}

// Out, emptied, and in again, with what is broken: cells of its own, for nobody else is to notice.
Status WitnessEngine::make_again(SequenceId sequence, Position position) {
    const KvLayout& layout = kv_layout();
    const TokenRange window = layout.window_range(position);
    std::vector<std::byte> rows;
    std::vector<std::byte> window_rows;
    std::vector<std::byte> state;
    if (layout.has_rows())
        KVASIR_TRY(ForwardingEngine::export_rows(sequence, Plane::kAppend, {0, position}, rows));
    if (!window.empty())
        KVASIR_TRY(ForwardingEngine::export_rows(sequence, Plane::kWindow, window, window_rows));
    if (layout.has_snapshot()) KVASIR_TRY(ForwardingEngine::export_snapshot(sequence, state));
    if (sabotage_ == Sabotage::kAlterForkedRow) alter_row(layout.append, position, rows);
    if (sabotage_ == Sabotage::kLoseForkedWindowRow) lose_row(layout.window, window.size(), window_rows);
    if (sabotage_ == Sabotage::kAlterForkedState) alter_middle(state);
    KVASIR_TRY(ForwardingEngine::rewind(sequence, 0));
    if (layout.has_rows())
        KVASIR_TRY(ForwardingEngine::import_rows(sequence, Plane::kAppend, {0, position}, rows));
    if (!window.empty())
        KVASIR_TRY(ForwardingEngine::import_rows(sequence, Plane::kWindow, window, window_rows));
    return layout.has_snapshot() ? ForwardingEngine::import_snapshot(sequence, position, state) : Status();
}

}  // namespace kvasir::test
