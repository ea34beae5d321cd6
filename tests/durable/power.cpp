#include "durable/power.h"

#include <filesystem>
#include <random>
#include <stdexcept>

namespace kvasir::test {

namespace {

// The power may go in the middle of a write, too: then sectors of that file are missing.
void tear(FaultFileSystem& survivor, const std::string& path, std::uint32_t seed) {
    const auto paths = survivor.paths();
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) return;
    std::mt19937 random(seed);
    std::string content = survivor.content(path);
    constexpr std::size_t kSectorBytes = 512;
    for (std::size_t at = 0; at < content.size(); at += kSectorBytes) {
        if (random() % 3 != 0) continue;
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min(kSectorBytes, content.size() - at), '\0');
    }
    content.resize(random() % (content.size() + 1));
    survivor.replace(path, std::move(content));
}

}  // namespace

PoweredStore::PoweredStore(Scratch& scratch, BrokenDisk broken)
    : scratch_(scratch), told_(files_, broken), root_(scratch.fresh()) {
    std::filesystem::create_directory(root_);
    if (!files_.make_directories(root_)) throw std::runtime_error("no root");
    if (broken == BrokenDisk::kNoCatalogSync) vfs_.ignore_syncs();
    told_.after_call = [this](const std::string& written) { called(written); };
    vfs_.on_call([this](bool begins) {
        if (!begins) called({});
    });
}

Result<std::unique_ptr<Node>> PoweredStore::open() {
    NodeOptions options;
    options.root = root_;
    options.files = &told_;
    options.sqlite_vfs = vfs_.name();
    options.engine = durable_engine(true);
    return Node::open(options);
}

void PoweredStore::cut_every(std::uint32_t nth, std::size_t states_max,
                             std::function<std::size_t()> acknowledged) {
    nth_ = nth;
    states_max_ = states_max;
    acknowledged_ = std::move(acknowledged);
}

void PoweredStore::called(const std::string& written) {
    ++calls_;
    if (nth_ == 0 || calls_ % nth_ != 0 || states_.size() >= states_max_) return;
    CutState state;
    state.seed = static_cast<std::uint32_t>(calls_ * 2654435761U);
    state.acknowledged = acknowledged_();
    // Of some, only what was synced: the other end of what a disk may do.
    const bool nothing_else = calls_ % 5 == 0;
    state.files = nothing_else ? files_.crash() : files_.crash(state.seed);
    if (!written.empty() && !nothing_else) tear(*state.files, written, state.seed);
    state.catalog_directory = scratch_.fresh();
    std::filesystem::create_directory(state.catalog_directory);
    if (nothing_else)
        vfs_.save_durable_files(state.catalog_directory);
    else
        vfs_.save_durable_files(state.catalog_directory, state.seed);
    states_.push_back(std::move(state));
}

}  // namespace kvasir::test
