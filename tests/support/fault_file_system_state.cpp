// What a test asks a FaultFileSystem, beside the FileSystem calls: figures, power cuts, damage.
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

#include "support/fault_file_system.h"

namespace kvasir::test {

std::uint64_t FaultFileSystem::calls() const {
    const std::lock_guard guard(mutex_);
    return std::accumulate(calls_.begin(), calls_.end(), std::uint64_t{0});
}

std::uint64_t FaultFileSystem::calls(FileCall kind) const {
    const std::lock_guard guard(mutex_);
    return calls_[static_cast<std::size_t>(kind)];
}

std::uint64_t FaultFileSystem::faults_given() const {
    const std::lock_guard guard(mutex_);
    return given_;
}

std::uint64_t FaultFileSystem::bytes_written() const {
    const std::lock_guard guard(mutex_);
    return bytes_written_;
}

std::uint64_t FaultFileSystem::bytes_read() const {
    const std::lock_guard guard(mutex_);
    return bytes_read_;
}

void FaultFileSystem::set_free_bytes(std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    free_bytes_ = bytes;
}

// Files are copied: what the crashed one does later must not reach the survivor.
std::unique_ptr<FaultFileSystem> FaultFileSystem::with_entries(Entries entries) const {
    auto survivor = std::make_unique<FaultFileSystem>();
    for (auto& [path, file] : entries) file = std::make_shared<std::string>(*file);
    survivor->directories_ = directories_;
    survivor->entries_ = entries;
    survivor->durable_ = std::move(entries);
    survivor->free_bytes_ = free_bytes_;
    return survivor;
}

std::unique_ptr<FaultFileSystem> FaultFileSystem::crash() const {
    const std::lock_guard guard(mutex_);
    return with_entries(durable_);
}

std::unique_ptr<FaultFileSystem> FaultFileSystem::crash(std::uint32_t seed) const {
    const std::lock_guard guard(mutex_);
    std::mt19937 random(seed);
    Entries entries = durable_;
    for (const Change& change : unsynced_) {
        if (random() % 2 == 0) continue;
        for (const auto& [path, file] : change) {
            if (file) {
                entries[path] = file;
            } else {
                entries.erase(path);
            }
        }
    }
    return with_entries(std::move(entries));
}

std::vector<std::string> FaultFileSystem::paths() const {
    const std::lock_guard guard(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, file] : entries_) paths.push_back(path);
    return paths;
}

std::string FaultFileSystem::content(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    return *entries_.at(path);
}

void FaultFileSystem::replace(const std::string& path, std::string content) {
    const std::lock_guard guard(mutex_);
    *entries_.at(path) = std::move(content);
}

void FaultFileSystem::flip_byte(const std::string& path, std::uint64_t offset) {
    const std::lock_guard guard(mutex_);
    char& byte = entries_.at(path)->at(offset);
    byte = static_cast<char>(byte ^ '\xff');
}

void FaultFileSystem::truncate(const std::string& path, std::uint64_t size) {
    const std::lock_guard guard(mutex_);
    std::string& file = *entries_.at(path);
    if (size > file.size()) throw std::out_of_range("truncating cannot make a file longer");
    file.resize(size);
}

void FaultFileSystem::swap(const std::string& one, const std::string& other) {
    const std::lock_guard guard(mutex_);
    entries_.at(one)->swap(*entries_.at(other));
}

}  // namespace kvasir::test
