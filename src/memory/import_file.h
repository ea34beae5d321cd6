// What a file of an exported agent says, checked as bytes of strangers: its conversation, made ready for the
// catalog, and where its KV lies. Reads the header and the tokens; no KV, no catalog. Values; engine thread.
#pragma once

#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/mac.h"
#include "engine/engine.h"
#include "memory/transfer_layout.h"
#include "store/catalog.h"

namespace kvasir {

struct ImportFile {
    AgentFileHeader header;
    Digest256 header_hash;
    std::uint64_t data_begin = 0;
    std::vector<TurnRecord> turns;  // from the root to the head
    std::vector<Token> tokens;      // of the conversation
    std::string kv_differs;         // how its KV is another than this engine's; "": it is not
    TransferContents contents;      // when it is not
    TransferLayout layout;
};

// kInvalidArgument: the file is not what this program writes, says which part. kModelUnusable: it belongs to
// another model.
Result<ImportFile> read_import_file(ByteSource& source, const Engine& engine);

// What it says of itself, for whoever has no engine: well formed, and no more than that.
Result<AgentFileHeader> read_agent_header(ByteSource& source);

// Reads a slice behind what `bytes` has. With a MAC: kDamaged, unless every piece was signed with its key.
Status read_slice(ByteSource& source, const ImportFile& file, const TransferSlice& slice, Hmac256* mac,
                  std::vector<std::byte>& bytes);

}  // namespace kvasir
