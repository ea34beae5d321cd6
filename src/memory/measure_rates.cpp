#include "memory/measure_rates.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "memory/kv_loader.h"
#include "memory/row_image.h"
#include "memory/token_chain.h"

namespace kvasir {

namespace {

constexpr Position kFewTokens = 64;
constexpr Position kTokensMax = 2 * kBlockTokens;
constexpr Token kTokenKinds = 64;

class Probe {
  public:
    Probe(const KvContext& context, const Clock& clock) : context_(context), clock_(clock) {}
    ~Probe() {
        for (const StoredBlock& block : written_) {
            const Status removed = context_.store.remove_file(block.kind, block.name);
            if (!removed) log(LogLevel::kWarning, "block_not_removed", removed.error().message);
        }
        if (opened_) context_.engine.close_sequence(sequence_);
    }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    Result<KvRates> measure() {
        KVASIR_TRY_ASSIGN(sequence_, context_.engine.open_sequence());
        opened_ = true;
        const ModelInfo& model = context_.engine.model();
        const Position most = std::min<Position>(kTokensMax, model.context_tokens / 2);
        // Words that no conversation begins with, so that no block of anybody's is met.
        for (Position i = 0; i < most; ++i)
            tokens_.push_back(static_cast<Token>(
                (i * 7 + i / 5) % std::min<std::uint32_t>(kTokenKinds, model.vocabulary_size)));
        KVASIR_TRY(read_tokens(std::min(most, kFewTokens)));
        KVASIR_TRY(read_tokens(most));
        KVASIR_TRY(write());
        if (written_.empty()) return rates_;
        for (const std::size_t blocks : {std::size_t{1}, written_.size(), std::size_t{1}, written_.size()})
            KVASIR_TRY(restore(blocks));
        return rates_;
    }

  private:
    double ms_since(std::int64_t begin_us) const {
        return static_cast<double>(clock_.monotonic_us() - begin_us) / 1000.0;
    }
    Status read_tokens(Position end) {
        const std::int64_t begin_us = clock_.monotonic_us();
        const Position begin = done_;
        std::vector<BatchRow> rows;
        while (done_ < end) {
            rows.clear();
            const Position step = std::min<Position>(end, done_ + context_.engine.model().batch_tokens);
            for (; done_ < step; ++done_)
                rows.push_back({sequence_, tokens_[done_], done_, done_ + 1 == step});
            KVASIR_TRY(context_.engine.decode(rows));
            (void)context_.engine.logits(rows.size() - 1);  // waits for the work to be done
        }
        rates_.note_prefill(end - begin, ms_since(begin_us));
        return {};
    }
    Status write_one(const BlockIdentity& identity, const std::vector<std::byte>& image) {
        KVASIR_TRY_ASSIGN(const auto known, context_.store.catalog().block(identity.kind, identity.name));
        if (known) return fail(ErrorCode::kConflict, "the words of the measurement are somebody's");
        const auto tokens =
            std::span<const Token>(tokens_).subspan(identity.range.begin, identity.range.size());
        KVASIR_TRY_ASSIGN(StoredBlock block,
                          context_.store.blocks().write(make_block_spec(context_, identity, tokens), image));
        written_.push_back(std::move(block));
        return {};
    }
    Status write() {
        const TokenChain chain(context_.root, tokens_);
        std::vector<std::byte> image;
        KVASIR_TRY(context_.store.admit_kv(1));
        if (context_.layout().has_rows()) {
            for (const TokenRange& range : TokenChain::block_ranges(done_)) {
                KVASIR_TRY(context_.engine.export_rows(sequence_, Plane::kAppend, range, image));
                KVASIR_TRY(write_one(
                    {BlockKind::kAppend, chain.name_at(range.end), chain.parent_of(range.begin), range},
                    image));
            }
            return {};
        }
        if (!context_.layout().has_snapshot()) return {};
        KVASIR_TRY(context_.engine.export_snapshot(sequence_, image));
        return write_one(snapshot_identity(chain.name_at(done_), done_, image.size()), image);
    }
    Status restore(std::size_t blocks) {
        KVASIR_TRY_ASSIGN(const SequenceId sequence, reopen());
        KvLoader loader(context_);
        const std::int64_t begin_us = clock_.monotonic_us();
        Position end = 0;
        for (std::size_t i = 0; i < blocks; ++i) {
            const StoredBlock& block = written_[i];
            end = block.range.end;
            KVASIR_TRY(loader.import_block(sequence, {block, block.range}));
        }
        rates_.note_restore(end, ms_since(begin_us));
        return {};
    }
    // Empty again.
    Result<SequenceId> reopen() {
        context_.engine.close_sequence(sequence_);
        opened_ = false;
        KVASIR_TRY_ASSIGN(sequence_, context_.engine.open_sequence());
        opened_ = true;
        return sequence_;
    }

    const KvContext& context_;
    const Clock& clock_;
    SequenceId sequence_{};
    bool opened_ = false;
    std::vector<Token> tokens_;
    Position done_ = 0;
    std::vector<StoredBlock> written_;
    KvRates rates_;
};

}  // namespace

Result<KvRates> measure_kv_rates(const KvContext& context, const Clock& clock) {
    return Probe(context, clock).measure();
}

}  // namespace kvasir
