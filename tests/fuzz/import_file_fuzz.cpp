// An exported agent, as import reads it: header and tokens, against an engine of which the file may well be.
// Input: the whole file.
#include <cstring>
#include <string>

#include "fuzz/fuzz_target.h"

#include "memory/agent_transfer.h"
#include "memory/import_file.h"
#include "store/agent_file_header.h"
#include "support/fake_engine.h"

namespace kvasir::fuzz {

namespace {

// The engine that the files of the corpus were made with.
const test::FakeEngine& engine() {
    static const test::FakeEngine made{[] {
        test::FakeEngineOptions options;
        options.window_tokens = 8;
        options.snapshot = SnapshotForm::kParts;
        return options;
    }()};
    return made;
}

constexpr std::uint64_t kRowsOfCorpus =
    3166310549823640401U;  // what is made of the bytes of all rows of its files

}  // namespace

Outcome run_target(Input input) {
    const auto source = make_byte_source(std::string(text_of(input)));
    const auto header = read_agent_header(*source);
    if (!header) {
        require(header.error().code == ErrorCode::kInvalidArgument, "a header is refused as invalid");
        return Outcome::kRefused;
    }
    const auto bytes = encode_agent_header(*header);
    require(bytes && bytes->size() <= input.size() &&
                std::memcmp(bytes->data(), input.data(), bytes->size()) == 0,
            "what was understood is what is written");
    const auto model = model_of_file(*source);
    require(model || model.error().code == ErrorCode::kInvalidArgument,
            "a model has a name, or the file is invalid");
    const auto file = read_import_file(*source, engine());
    if (!file) {
        const ErrorCode code = file.error().code;
        require(code == ErrorCode::kInvalidArgument || code == ErrorCode::kModelUnusable,
                "a file is refused as invalid, or as another model's");
        return Outcome::kRefused;
    }
    require(model && model->id == engine().fingerprint().model_id(), "what is taken is this model's");
    std::size_t tokens = 0;
    for (const TurnRecord& turn : file->turns) {
        tokens += turn.tokens.size();
        require(turn.prompt_token_count <= turn.tokens.size(), "a prompt is part of its turn");
        for (const Token token : turn.tokens)
            require(token >= 0 && static_cast<std::uint32_t>(token) < engine().model().vocabulary_size,
                    "every token is the model's");
    }
    require(file->tokens.size() <= tokens, "the conversation is made of its turns");
    if (!file->kv_differs.empty()) return Outcome::kAccepted;
    require(file->header.cache_tokens <= file->tokens.size(), "KV goes no further than tokens");
    Hmac256 mac(std::as_bytes(std::span("a key that signed nothing")));
    std::vector<std::byte> image;
    std::uint64_t rows = 0;
    for (const TransferSlice& slice : file->layout.slices) {
        image.clear();
        require(read_slice(*source, *file, slice, nullptr, image).has_value(), "every slice is in the file");
        require(image.size() == slice.bytes, "and is as long as it says");
        for (const std::byte byte : image) rows = 31 * rows + std::to_integer<std::uint64_t>(byte);
        require(!read_slice(*source, *file, slice, &mac, image), "nobody's MAC is believed");
    }
    return rows == kRowsOfCorpus ? Outcome::kAccepted : Outcome::kRare;
}

}  // namespace kvasir::fuzz
