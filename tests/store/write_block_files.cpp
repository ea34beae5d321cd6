// Writes block files for check_safetensors.py into the directory that it names: the bytes of rows count up
// from 0, so that the script knows them without having been told.
#include <cstdio>

#include "store/block_files.h"

namespace kvasir::test {
namespace {

Digest256 digest_of_fill(std::uint8_t fill) {
    Digest256 digest;
    digest.bytes.fill(fill);
    return digest;
}

BlockSpec half_precision_block() {
    BlockSpec spec;
    spec.name = digest_of_fill(0x11);
    spec.fingerprint = digest_of_fill(0x22);
    spec.range = {0, 5};
    spec.tokens = {1, 2, 151643, 0, -1};
    spec.kv_type_k = "f16";
    spec.kv_type_v = "f16";
    for (const char* name : {"layer_0.key", "layer_0.value", "layer_3.key", "layer_3.value"})
        spec.tensors.push_back({name, "F16", {5, 8}, 80});
    return spec;
}

BlockSpec quantised_segment() {
    BlockSpec spec;
    spec.kind = BlockKind::kWindow;
    spec.name = digest_of_fill(0x33);
    spec.parent = digest_of_fill(0x44);
    spec.fingerprint = digest_of_fill(0x22);
    spec.range = {700, 703};
    spec.tokens = {7, 8, 9};
    spec.kv_type_k = "q8_0";
    spec.tensors = {{"layer_1.key", "U8", {3, 34}, 102}};
    return spec;
}

BlockSpec recurrent_snapshot() {
    BlockSpec spec;
    spec.kind = BlockKind::kSnapshot;
    spec.name = digest_of_fill(0x55);
    spec.parent = digest_of_fill(0x44);
    spec.fingerprint = digest_of_fill(0x22);
    spec.range = {256, 258};
    spec.tokens = {5, 6};
    spec.tensors = {{"layer_1.r", "F32", {1, 6}, 24}, {"layer_1.s", "F32", {1, 16}, 64}};
    return spec;
}

Status write_all(const std::string& root) {
    const auto files = make_posix_file_system();
    BlockFiles blocks(*files, root);
    KVASIR_TRY(blocks.create_layout());
    for (const BlockSpec& spec : {half_precision_block(), quantised_segment(), recurrent_snapshot()}) {
        std::vector<std::byte> image(spec.image_bytes());
        for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::byte>(i);
        KVASIR_TRY_ASSIGN(const StoredBlock stored, blocks.write(spec, image));
        std::printf("%s\n", blocks.path_of(stored.kind, stored.name).c_str());
    }
    return {};
}

}  // namespace
}  // namespace kvasir::test

int main(int count, char** arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: write_block_files DIRECTORY\n");
        return 2;
    }
    const kvasir::Status status = kvasir::test::write_all(arguments[1]);
    if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return status ? 0 : 1;
}
