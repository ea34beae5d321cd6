// What the process tells of its own memory.
#include "base/process_memory.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace kvasir::test {
namespace {

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kTold = true;
#else
constexpr bool kTold = false;  // another allocator
#endif

constexpr std::size_t kPieces = 1000;
constexpr std::size_t kPieceBytes = 1000;
constexpr std::size_t kLargeBytes = 8'000'000;  // mapped by itself
constexpr std::uint64_t kNoise = 50'000;

// Room that was freed and is still held must not count: it is what a leak would hide in.
TEST(ProcessMemory, HeapInUseIsWhatWasNotFreed) {
    if (!kTold) GTEST_SKIP() << "only glibc tells";
    const std::uint64_t before = heap_bytes_in_use();
    std::vector<std::unique_ptr<char[]>> pieces;
    pieces.reserve(kPieces);
    for (std::size_t i = 0; i < kPieces; ++i) pieces.push_back(std::make_unique<char[]>(kPieceBytes));
    const std::uint64_t small = heap_bytes_in_use();
    EXPECT_GE(small, before + kPieces * kPieceBytes);
    auto large = std::make_unique<char[]>(kLargeBytes);
    EXPECT_GE(heap_bytes_in_use(), small + kLargeBytes);
    large.reset();
    // Every second one: the heap cannot shrink.
    for (std::size_t i = 0; i < kPieces; i += 2) pieces[i].reset();
    EXPECT_LE(heap_bytes_in_use(), small - kPieces / 2 * kPieceBytes + kNoise);
    pieces.clear();
    EXPECT_LE(heap_bytes_in_use(), before + kNoise);
}

}  // namespace
}  // namespace kvasir::test
