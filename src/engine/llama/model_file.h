// What can be known of a model file before it is loaded: that it is there, whole, and of which content. Pure
// reads.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"

namespace kvasir {

struct ModelFile {
    std::vector<std::string> paths;  // all parts of a split model, in order
    std::uint64_t bytes = 0;
    std::string architecture;  // general.architecture
};

// kModelUnusable, in one sentence: missing, a directory, not GGUF, shorter than its own tensor list says.
Result<ModelFile> inspect_model_file(const std::string& path);

// SHA-256 over the contents of all parts. Remembered in the file `cache_path` (may be empty) by device,
// inode, size, mtime and ctime: a file that was changed in any way is read again.
Result<Digest256> hash_weights(const ModelFile& file, const std::string& cache_path);

}  // namespace kvasir
