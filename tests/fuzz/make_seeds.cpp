// Writes the files of tests/fuzz/corpus that are not text: block files, their headers, states, rows.
//
//   fuzz_make_seeds FOLDER
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/llama/state_image.h"
#include "store/kv_file.h"

namespace kvasir::fuzz {

namespace {

using Bytes = std::vector<std::byte>;

void write(const std::filesystem::path& path, const Bytes& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Bytes filled(std::size_t size, std::uint8_t with) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(with + i % 64);
    return bytes;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

Digest256 digest(std::uint8_t with) {
    Digest256 made;
    made.bytes.fill(with);
    return made;
}

BlockSpec block(BlockKind kind, TokenRange range) {
    BlockSpec spec;
    spec.kind = kind;
    spec.name = digest(0x11);
    spec.fingerprint = digest(0x22);
    if (range.begin > 0) spec.parent = digest(0x33);
    spec.range = range;
    spec.kv_type_k = "f16";
    spec.kv_type_v = kind == BlockKind::kAppend ? "f16" : "";
    for (Position i = 0; i < range.size(); ++i) spec.tokens.push_back(static_cast<Token>(100 + i));
    return spec;
}

void write_block(const std::filesystem::path& folder, const std::string& name, BlockSpec spec) {
    const Bytes image = filled(spec.image_bytes(), 7);
    const auto header = encode_header(spec, image);
    if (!header) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), header.error().message.c_str());
        std::exit(1);
    }
    Bytes file = *header;
    append(file, image);
    append(file, encode_tokens(spec.tokens));
    write(folder / "block_file" / name, file);
    Bytes sized;
    for (unsigned shift = 0; shift < 64; shift += 8)
        sized.push_back(static_cast<std::byte>(std::uint64_t{file.size()} >> shift));
    append(sized, *header);
    write(folder / "block_header" / name, sized);
    sized.resize(sized.size() / 2);
    write(folder / "block_header" / (name + "-half"), sized);
    file.resize(file.size() - 1);
    write(folder / "block_file" / (name + "-short"), file);
}

void write_blocks(const std::filesystem::path& folder) {
    BlockSpec append_block = block(BlockKind::kAppend, {256, 259});
    append_block.tensors = {{"layer_0.key", "F16", {3, 4}, 24}, {"layer_0.value", "F16", {3, 4}, 24}};
    write_block(folder, "append", append_block);
    BlockSpec window = block(BlockKind::kWindow, {300, 302});
    window.tensors = {{"layer_5.key", "U8", {2, 34}, 68}};
    write_block(folder, "window", window);
    BlockSpec first = block(BlockKind::kAppend, {0, 1});
    first.tensors = {{"layer_0.key", "F32", {1, 2}, 8}, {"layer_0.value", "BF16", {1, 2}, 4}};
    write_block(folder, "first", first);
    BlockSpec snapshot = block(BlockKind::kSnapshot, {256, 260});
    snapshot.tensors = {{"state", "U8", {40}, 40}};
    write_block(folder, "snapshot", snapshot);
}

void write_states(const std::filesystem::path& folder) {
    constexpr StateLayer kHalf{1, 8, 1, 4};
    constexpr StateLayer kQuantised{8, 34, 2, 18};
    const SnapshotGeometry kSnapshot{3, {{0, 8, 0, 16}, {0, 0, 0, 4}}};  // as in state_image_fuzz.cpp
    const auto write_state = [&](const std::string& name, std::uint8_t choice, const StateGeometry& geometry,
                                 FilledPart filled_part) {
        const StateGeometries geometries{(choice & 0x10U) != 0 ? nullptr : &geometry,
                                         (choice & 0x20U) != 0 ? &geometry : nullptr,
                                         (choice & 0x80U) != 0 ? &kSnapshot : nullptr,
                                         (choice & 0x40U) != 0 ? CellNote::kPlane : CellNote::kNone};
        const TokenRange range{4, 7};
        const Bytes rows = filled(row_image_bytes(geometry, range.size()), 3);
        Bytes image = compose_state(geometries, filled_part, range, rows).joined();
        image.insert(image.begin(), static_cast<std::byte>(choice));
        write(folder / "state_image" / name, image);
        image.push_back(std::byte{0});
        write(folder / "state_image" / (name + "-trailing"), image);
    };
    write_state("half", 0, {kHalf}, FilledPart::kAppend);
    write_state("two-layers", 4, {kHalf, kHalf}, FilledPart::kAppend);
    write_state("quantised", 1, {kQuantised}, FilledPart::kAppend);
    write_state("window", 0x30, {kHalf}, FilledPart::kWindow);
    write_state("both", 0x20, {kHalf}, FilledPart::kAppend);
    write_state("notes", 0x40, {kHalf}, FilledPart::kAppend);
    write_state("no-snapshot", 0x80, {kHalf}, FilledPart::kAppend);
    const StateGeometry half{kHalf};
    const StateGeometries recurrent{&half, nullptr, &kSnapshot};
    const Bytes state = filled(kSnapshot.bytes(), 3);
    Bytes image = compose_snapshot(recurrent, 5, state).joined();
    image.insert(image.begin(), std::byte{0x80});
    write(folder / "state_image" / "snapshot", image);
}

void write_rows(const std::filesystem::path& folder) {
    // Kinds of values as in catalog_rows_fuzz.cpp.
    const std::string number("\x01\x05", 2);
    const std::string name("\x07", 1);
    const std::string text("\x03\x02hi", 4);
    const std::string digest_value("\x04\x22", 2);
    const std::string tokens("\x05\x08\x01\x00\x00\x00\x02\x00\x00\x00", 10);
    const std::string messages("\x06\x04user\x02hi", 9);
    const std::string null("\x00", 1);
    const std::string begins("\x01\x00", 2);
    const std::string agent = number + number + name + text + text + digest_value + text + text + number +
                              number + number + number + number + text + begins + begins + null;
    const std::string stored = number + number + digest_value + digest_value + digest_value + number +
                               number + tokens + digest_value + number + number;
    const std::string turn = number + number + number + number + number + text + text + tokens + begins +
                             begins + text + messages + digest_value + null + number;
    const auto write_text = [&](const std::string& file, const std::string& bytes) {
        const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
        write(folder / "catalog_rows" / file, Bytes(begin, begin + bytes.size()));
    };
    write_text("one-turn", "\x01" + agent + stored + turn + "\x01");
    write_text("two-turns", "\x02" + agent + stored + turn + turn + "\x01");
    write_text("agent-without-turns", std::string("\x00", 1) + agent + stored + "\x01");
    write_text("unnumbered", "\x01" + agent + stored + turn + std::string("\x00", 1));
}

}  // namespace

}  // namespace kvasir::fuzz

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    kvasir::fuzz::write_blocks(argv[1]);
    kvasir::fuzz::write_states(argv[1]);
    kvasir::fuzz::write_rows(argv[1]);
    return 0;
}
